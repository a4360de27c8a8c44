/** What a scheduler logs: one line for each event, for people, as pino's JSON, or told to a logger of the user's own. */

import type { BeatEvent } from "../app/beat.ts";
import { details, LineWriter, logLine, type LogStyle } from "../app/log-line.ts";
import { checkLogger, type LogLevel, type LogOption, messageOf, pinoLine } from "../app/structured-log.ts";

const colours: Readonly<Record<string, LogStyle>> = {
  "beat.ready": "bold",
  "beat.stopped": "bold",
  "broker.disconnected": "red",
  "schedule.sent": "green",
  "schedule.skipped": "yellow",
  warning: "yellow",
};

const warned: ReadonlySet<string> = new Set(["broker.disconnected", "schedule.skipped", "warning"]);

/** What takes a scheduler's events there. Throws CONFIG_INVALID for a place that is none. */
export function beatPrinter(to: Exclude<LogOption, "silent">, beat: string): (event: BeatEvent) => void {
  if (to === "json" || to === "text") {
    const log = new BeatLog(to);
    return (event) => log.print(event);
  }
  checkLogger(to, "app.beat()", '"json", "text", "silent", or ');
  const logger = to.child({ beat });
  return (event) => {
    const { beat: _beat, ...first } = factsOf(event);
    // pino has it in each line.
    const { pid: _pid, ...detail } = event.detail ?? {};
    logger[levelOf(event)]({ ...first, ...detail, ...first }, message(event));
  };
}

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

/** `{"level","time","pid","hostname","event","beat","schedule","tick","id",…,"msg"}`; details stand beside them. */
function jsonLine(event: BeatEvent): string {
  return pinoLine(levelOf(event), event.at, factsOf(event), event.detail, message(event));
}

function factsOf({ type, at: _at, tick, detail: _detail, ...facts }: BeatEvent): Readonly<Record<string, unknown>> {
  return { event: nameOf(type), ...facts, ...(tick !== undefined && { tick: new Date(tick).toISOString() }) };
}

function levelOf({ type }: BeatEvent): LogLevel {
  return warned.has(nameOf(type)) ? "warn" : "info";
}

function message({ type, schedule, text }: BeatEvent): string {
  return messageOf(nameOf(type), schedule, text);
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
