/** What a scheduler prints: one line for each event, for people or as JSON. */

import type { BeatEvent } from "../app/beat.ts";
import { details, LineWriter, logLine, type LogStyle } from "../app/log-line.ts";
import { cleanJson } from "../wire/visible-text.ts";

const colours: Readonly<Record<string, LogStyle>> = {
  "beat.ready": "bold",
  "beat.stopped": "bold",
  "broker.disconnected": "red",
  "schedule.sent": "green",
  "schedule.skipped": "yellow",
  warning: "yellow",
};

export class BeatLog {
  readonly #style: "text" | "json";
  readonly #lines: LineWriter;

  constructor(style: "text" | "json", write?: (text: string) => void) {
    this.#style = style;
    this.#lines = new LineWriter(write);
  }

  print(event: BeatEvent): void {
    this.#lines.add(this.#style === "json" ? jsonLine(event) : textLine(event));
    if (event.type === "beat:stopped") this.#lines.flush(); // what comes next may be the end of the process
  }
}

/** `{"time","event","beat","schedule","tick","id",…}`; details stand beside them. */
function jsonLine({ type, at, tick, detail, ...facts }: BeatEvent): string {
  const first = { time: new Date(at).toISOString(), event: nameOf(type), ...facts };
  return cleanJson(
    JSON.stringify({ ...first, ...(tick !== undefined && { tick: new Date(tick).toISOString() }), ...detail }),
  );
}

function textLine({ type, at, schedule, tick, id, task, code, text, detail }: BeatEvent): string {
  const name = nameOf(type);
  return logLine(at, name, colours[name], [
    schedule,
    tick !== undefined && new Date(tick).toISOString(),
    task,
    id,
    code,
    text,
    detail !== undefined && details(detail),
  ]);
}

function nameOf(type: BeatEvent["type"]): string {
  return type === "beat:warning" ? "warning" : type.replace(":", ".");
}
