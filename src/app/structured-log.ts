/** Logs for programs, as pino has them: its levels, its line, and any logger that is called as pino is. Of workers and schedulers alike. */

import { hostname } from "node:os";
import { CeleriacError } from "../error/celeriac-error.ts";
import { cleanJson } from "../wire/visible-text.ts";

/**
 * A logger of your own: pino's, Fastify's, or any whose methods take an object of facts and then a text. Nothing that it throws reaches a
 * task.
 *
 * @example
 * ```ts
 * import { createApp } from "celeriac";
 * import pino from "pino";
 * const app = createApp({ broker: "sqlite:celeriac.db", log: pino({ level: "debug" }) });
 * ```
 */
export interface StructuredLogger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** The same logger, with facts that stand in each line. */
  child(facts: Record<string, unknown>): StructuredLogger;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Where a log goes; "silent": nowhere. */
export type LogOption = "json" | "text" | "silent" | StructuredLogger;

/** pino's numbers. */
const levels: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 };
const host = hostname();

/** Throws CONFIG_INVALID for what is no logger. `subject` begins the error. */
export function checkLogger(value: unknown, subject: string, also = ""): asserts value is StructuredLogger {
  const methods: readonly (keyof StructuredLogger)[] = ["debug", "info", "warn", "error", "child"];
  const given = (typeof value === "object" || typeof value === "function") && value !== null ? value : {};
  const missing = methods.filter((name) => typeof (given as Readonly<Record<string, unknown>>)[name] !== "function");
  if (missing.length === 0) return;
  throw new CeleriacError(
    "CONFIG_INVALID",
    `${subject}: log must be ${also}a logger such as pino's; what was given has no ${missing.join(", ")}.`,
  );
}

/**
 * One line as pino writes it. `first` wins over `more`, whose names come from elsewhere; a `pid` among them is of the process that the line
 * tells of. `at`: unix ms.
 */
export function pinoLine(
  level: LogLevel,
  at: number,
  first: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> | undefined,
  message: string,
): string {
  const own = { level: levels[level], time: at, pid: process.pid, hostname: host, ...first };
  return cleanJson(JSON.stringify({ ...own, ...more, ...own, msg: message }));
}

/** What a line says where a person reads it: `task.failed image.resize: RangeError: no such width`. */
export function messageOf(event: string, about: string | undefined, text: string | undefined): string {
  const what = about === undefined ? event : `${event} ${about}`;
  return text === undefined || text === "" ? what : `${what}: ${text}`;
}
