/** The history's thread: keeps the history, answers what it is asked, and ends when it is told to. */

import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../clock/clock.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { ErrorCode } from "../../error/error-codes.ts";
import type { Warning } from "../../port/units.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import { History } from "./history.ts";
import type { QueueLevel } from "./levels.ts";

export interface ThreadOptions {
  readonly path: string;
  readonly maxAge?: number | undefined;
  readonly maxBytes?: number | undefined;
}
/** What can be asked. */
export type Question = Exclude<keyof History, "ingest" | "sample" | "flush" | "sweep" | "close">;
export type ToThread =
  /** `events` as JSON: a third of what a structured copy costs. */
  | { readonly kind: "events"; readonly events: string; readonly count: number; readonly missed: number | undefined }
  | { readonly kind: "sample"; readonly queues: readonly QueueLevel[] }
  | { readonly kind: "ask"; readonly id: number; readonly question: Question; readonly given: readonly unknown[] }
  | { readonly kind: "end" };
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}
export type FromThread =
  | { readonly kind: "open" }
  | { readonly kind: "unopened"; readonly failure: Failure }
  | { readonly kind: "taken"; readonly count: number }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure }
  | { readonly kind: "warning"; readonly warning: Warning };

const port = parentPort;
if (port === null) throw new Error("this file runs as a worker thread only");
const tell = (message: FromThread): void => port.postMessage(message);
const { path, maxAge, maxBytes } = workerData as ThreadOptions;

try {
  const history = new History({
    path,
    clock: systemClock,
    warn: (warning) => tell({ kind: "warning", warning }),
    ...(maxAge !== undefined && { maxAge }),
    ...(maxBytes !== undefined && { maxBytes }),
  });
  port.on("message", (message: ToThread) => {
    if (message.kind === "events") {
      history.ingest({ events: JSON.parse(message.events) as CeleryEvent[], missed: message.missed });
      tell({ kind: "taken", count: message.count });
    } else if (message.kind === "sample") history.sample(message.queues);
    else if (message.kind === "ask") answer(history, message);
    else {
      history.close();
      port.close();
    }
  });
  tell({ kind: "open" });
} catch (error) {
  tell({ kind: "unopened", failure: failureOf(error) });
  port.close();
}

function answer(history: History, { id, question, given }: ToThread & { readonly kind: "ask" }): void {
  try {
    const ask = history[question] as (...given: unknown[]) => unknown;
    tell({ kind: "answer", id, value: ask.apply(history, [...given]) });
  } catch (error) {
    tell({ kind: "failed", id, failure: failureOf(error) });
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof CeleriacError) return { code: error.code, message: error.message, details: error.details };
  const why = error instanceof Error ? error.message : String(error);
  const message = `The history ${path} cannot answer (${why}). Try again; if it stays so, move the file away and a new one is begun.`;
  return { code: "BACKEND_REFUSED", message, details: { path } };
}
