/** What a worker prints: one line for each event, for people or as JSON. */

import { details, LineWriter, logLine, type LogStyle } from "../app/log-line.ts";
import type { WorkerEvent, WorkerEventType } from "../app/work.ts";
import { cleanJson } from "../wire/visible-text.ts";

/** Told by others, or too many: received and settled surround each task, progress is stored with the task. */
const silent: ReadonlySet<WorkerEventType> = new Set(["task:received", "task:settled", "task:progress"]);

const renamed: Partial<Readonly<Record<WorkerEventType, string>>> = {
  "task:buried": "task.dead",
  "worker:warning": "warning",
};
const colours: Readonly<Record<string, LogStyle>> = {
  "task.succeeded": "green",
  "task.failed": "red",
  "task.dead": "red",
  "task.lost": "red",
  "task.retried": "yellow",
  "task.returned": "yellow",
  warning: "yellow",
  "broker.disconnected": "red",
  "worker.ready": "bold",
  "worker.stopped": "bold",
};
const logColours: Readonly<Record<string, LogStyle>> = { debug: "dim", warn: "yellow", error: "red" };

export class EventLog {
  readonly #style: "text" | "json";
  readonly #lines: LineWriter;

  constructor(style: "text" | "json", write?: (text: string) => void) {
    this.#style = style;
    this.#lines = new LineWriter(write);
  }

  print(event: WorkerEvent): void {
    if (silent.has(event.type)) return;
    this.#lines.add(this.#style === "json" ? jsonLine(event) : textLine(event));
    if (event.type === "worker:stopped") this.#lines.flush(); // what comes next may be the end of the process
  }
}

/** `{"time","event","id","task","queue","attempt","ms",…}`; details stand beside them, a handler's own fields under "fields". */
export function jsonLine({ type, at, detail, ...facts }: WorkerEvent): string {
  const details = type === "task:log" ? { fields: detail } : detail;
  const first = { time: new Date(at).toISOString(), event: eventName(type), ...facts };
  return cleanJson(JSON.stringify({ ...first, ...details, ...first }));
}

export function textLine(event: WorkerEvent): string {
  const { type, at, id, task, attempt, ms, pid, code, text, detail } = event;
  const name = eventName(type);
  const log = type === "task:log";
  const colour = log ? logColours[code ?? ""] : colours[name];
  return logLine(at, log ? `log.${code ?? "info"}` : name, colour, [
    task,
    id,
    attempt !== undefined && attempt > 1 && `attempt ${String(attempt)}`,
    ms !== undefined && `${ms < 10 ? ms.toFixed(1) : String(Math.round(ms))} ms`,
    task === undefined && pid !== undefined && `pid ${String(pid)}`,
    !log && code,
    text,
    detail !== undefined && details(detail),
  ]);
}

function eventName(type: WorkerEventType): string {
  return renamed[type] ?? type.replace(":", ".");
}
