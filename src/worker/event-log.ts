/** What a worker logs: one line for each event, for people, as pino's JSON, or told to a logger of the user's own. */

import { details, LineWriter, logLine, type LogStyle } from "../app/log-line.ts";
import { checkLogger, type LogLevel, type LogOption, messageOf, pinoLine } from "../app/structured-log.ts";
import type { WorkerEvent, WorkerEventType } from "../app/work.ts";

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
/** Those that are not information: what somebody should look at, and what there is too much of. */
const levels: Readonly<Record<string, LogLevel>> = {
  "broker.disconnected": "warn",
  "task.dead": "error",
  "task.failed": "error",
  "task.lost": "error",
  "task.retried": "warn",
  "task.returned": "warn",
  "task.started": "debug",
  warning: "warn",
};
const logColours: Readonly<Record<string, LogStyle>> = { debug: "dim", warn: "yellow", error: "red" };

/** What takes a worker's events there. Throws CONFIG_INVALID for a place that is none. */
export function eventPrinter(to: Exclude<LogOption, "silent">, worker: string): (event: WorkerEvent) => void {
  if (to === "json" || to === "text") {
    const log = new EventLog(to);
    return (event) => log.print(event);
  }
  checkLogger(to, "app.work()", '"json", "text", "silent", or ');
  const logger = to.child({ worker });
  return (event) => {
    if (silent.has(event.type)) return;
    const { type, at: _at, worker: _worker, text, pid, detail, ...facts } = event;
    // pino has a `pid` of its own, which is ours; in a line of JSON the second would stand beside the first.
    const child = pid === undefined || pid === process.pid ? undefined : pid;
    const first = { event: eventName(type), ...facts, ...(child !== undefined && { child }) };
    const more = type === "task:log" ? { fields: detail } : { ...detail, text };
    logger[levelOf(event)]({ ...first, ...more, ...first }, message(event));
  };
}

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

/** `{"level","time","pid","hostname","event","id","task",…,"msg"}`; details stand beside them, a handler's own fields under "fields". */
export function jsonLine(event: WorkerEvent): string {
  const { type, at, detail, text, ...facts } = event;
  const log = type === "task:log";
  // A handler's line is the message itself; of other events the message says more than their text.
  const first = { event: eventName(type), ...facts, ...(!log && { text }) };
  return pinoLine(levelOf(event), at, first, log ? { fields: detail } : detail, message(event));
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

function message({ type, task, text }: WorkerEvent): string {
  return type === "task:log" ? (text ?? "") : messageOf(eventName(type), task, text);
}

function levelOf({ type, code, detail }: WorkerEvent): LogLevel {
  if (type === "task:log") return code === "debug" || code === "warn" || code === "error" ? code : "info";
  if (type === "child:output") return code === "stderr" ? "warn" : "info";
  if (type === "child:exited") return detail?.["expected"] === false ? "warn" : "info";
  return levels[eventName(type)] ?? "info";
}

function eventName(type: WorkerEventType): string {
  return renamed[type] ?? type.replace(":", ".");
}
