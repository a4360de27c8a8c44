/** Events as lines: for people, or one JSON object each. What was missed is said where it is missing. */

import { details, logLine, type LogStyle } from "../app/log-line.ts";
import type { EventBatch } from "../app/events.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import type { CeleryEvent } from "../wire/event.ts";
import { clean, cleanJson } from "../wire/visible-text.ts";
import { exitCode, UsageError } from "./failure.ts";
import { StopSignal } from "./stop-signal.ts";
import type { Session, Target } from "./target.ts";
import { printLine } from "./terminal.ts";

export interface EventFlags extends Target {
  readonly follow?: boolean;
  readonly for?: string;
  readonly types?: readonly string[];
  readonly enable?: boolean;
  readonly json?: boolean;
}

const colours: Readonly<Record<string, LogStyle>> = {
  "task-succeeded": "green",
  "task-failed": "red",
  "celeriac-dead": "red",
  "task-retried": "yellow",
  "task-revoked": "yellow",
  "task-rejected": "yellow",
  "worker-online": "bold",
  "worker-offline": "bold",
};
/** In front of the others, or of no use to people. */
const first = ["type", "timestamp", "hostname", "utcoffset", "pid", "clock", "uuid", "name", "traceback", "root_id"];

export async function printEvents({ app, core }: Session, flags: EventFlags): Promise<number> {
  if (flags.follow === true && flags.for !== undefined) throw new UsageError("Say --follow or --for, not both.");
  using stop = new StopSignal();
  const { types, enable = false, json = false } = flags;
  const options = { ...(types !== undefined && { types }), enable, signal: stop.signal };
  const listening = await app
    .events((batch) => {
      for (const line of batchLines(batch, json)) printLine(line);
    }, options)
    .catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
  const ms = flags.follow === true ? 2 ** 31 - 1 : durationMs((flags.for ?? "3s") as Duration, "--for");
  await core.clock.sleep(ms, stop.signal).catch(() => {}); // told to stop, which is how it ends
  await listening?.close();
  return exitCode.done;
}

export function batchLines({ events, missed }: EventBatch, json: boolean): readonly string[] {
  const lines = events.map(json ? jsonLine : textLine);
  if (missed === 0) return lines;
  const gap = json
    ? JSON.stringify({ type: "celeriac-gap", missed: missed ?? null })
    : `… ${missed === undefined ? "some events" : `${String(missed)} events`} were missed`;
  return [gap, ...lines];
}

function jsonLine(event: CeleryEvent): string {
  return cleanJson(JSON.stringify(event));
}

function textLine(event: CeleryEvent): string {
  const { type, timestamp, hostname } = event;
  const more = Object.fromEntries(
    Object.entries(event).filter(([key, value]) => !first.includes(key) && value !== null && value !== undefined),
  );
  return logLine(timestamp * 1000, clean(type), colours[type], [event["name"], event["uuid"], hostname, details(more)]);
}
