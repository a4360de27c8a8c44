/**
 * What a worker prints: one line for each event, for people or as JSON. Lines of one turn are written together, because a
 * worker of small tasks has thousands of them a second.
 */

import { styleText } from "node:util";
import type { WorkerEvent, WorkerEventType } from "../app/work.ts";
import { clean, cleanJson } from "../wire/visible-text.ts";

type Style = "bold" | "dim" | "green" | "red" | "yellow";

/** Told by others, or too many: received and settled surround each task, progress is stored with the task. */
const silent: ReadonlySet<WorkerEventType> = new Set(["task:received", "task:settled", "task:progress"]);

const renamed: Partial<Readonly<Record<WorkerEventType, string>>> = {
  "task:buried": "task.dead",
  "worker:warning": "warning",
};
const colours: Readonly<Record<string, Style>> = {
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
const logColours: Readonly<Record<string, Style>> = { debug: "dim", warn: "yellow", error: "red" };

export class EventLog {
  readonly #style: "text" | "json";
  readonly #write: (text: string) => void;
  #lines = "";

  constructor(style: "text" | "json", write: (text: string) => void = (text) => void process.stdout.write(text)) {
    this.#style = style;
    this.#write = write;
  }

  print(event: WorkerEvent): void {
    if (silent.has(event.type)) return;
    if (this.#lines === "") setImmediate(() => this.#flush());
    this.#lines += `${this.#style === "json" ? jsonLine(event) : textLine(event)}\n`;
    if (event.type === "worker:stopped") this.#flush(); // what comes next may be the end of the process
  }

  #flush(): void {
    if (this.#lines === "") return;
    const lines = this.#lines;
    this.#lines = "";
    this.#write(lines);
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
  const title = (log ? `log.${code ?? "info"}` : name).padEnd(15);
  const words = [
    task,
    id,
    attempt !== undefined && attempt > 1 && `attempt ${String(attempt)}`,
    ms !== undefined && `${ms < 10 ? ms.toFixed(1) : String(Math.round(ms))} ms`,
    task === undefined && pid !== undefined && `pid ${String(pid)}`,
    !log && code,
    text,
    detail !== undefined && details(detail),
  ].filter((word) => typeof word === "string" && word !== "") as string[];
  const time = paint("dim", clock(at));
  return `${time} ${colour === undefined ? title : paint(colour, title)} ${clean(words.join("  "))}`;
}

function eventName(type: WorkerEventType): string {
  return renamed[type] ?? type.replace(":", ".");
}

function details(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

/** Local time with milliseconds; a worker's log is read where it runs. */
function clock(at: number): string {
  const date = new Date(at);
  return `${date.toLocaleTimeString("sv-SE")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** Colour where standard output is a terminal that has it; NO_COLOR and FORCE_COLOR are obeyed. */
function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
