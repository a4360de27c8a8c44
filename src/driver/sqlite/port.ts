/** The two places where the engine can run: a thread of its own, or the calling one. Both speak in batches and answers. */

import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

import type { Clock } from "../../clock/clock.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine.ts";
import type { Answers } from "./exchange.ts";
import type { Batch } from "./parcel.ts";
import { pack } from "./failure.ts";
import type { ThreadData, ToThread } from "./thread.ts";

export interface EnginePort {
  post(batch: Batch): void;
  /** The engine closes its files. What it still holds stays leased. */
  end(): Promise<void>;
  /** It ends where it is, as in a crash. */
  kill(): Promise<void>;
  /** Whether it keeps the process alive. */
  hold(yes: boolean): void;
}
export interface PortHandlers {
  answers(answers: Answers): void;
  /** It ended without being told. */
  died(error: CeleriacError): void;
}

/** From this size on handing a buffer over is cheaper than copying it. */
const handOver = 16_384;

/** The thread's file has the extension of this one: `.ts` from the sources, `.js` from the package. */
const fromSources = import.meta.url.endsWith(".ts");
const threadFile = new URL(`./thread${fromSources ? ".ts" : ".js"}`, import.meta.url);
/**
 * From the sources each thread would load Node's type stripper, which is WebAssembly: 200 ms, and where threads come and go by the
 * hundred, the V8 of Node 24 ends the process now and then ("Check failed: jit_page.has_value()"). A cache of the stripped files avoids both.
 */
const sourceCache = fileURLToPath(new URL("../../../node_modules/.cache/celeriac-threads", import.meta.url));

export function startThread(options: EngineOptions, pulse: SharedArrayBuffer, handlers: PortHandlers): EnginePort {
  const workerData: ThreadData = { options, pulse };
  const worker = new Worker(threadFile, {
    workerData,
    name: "celeriac-sqlite",
    // Flags of the main program (inspectors, loaders, test runners) are not meant for this thread.
    execArgv: ["--disable-warning=ExperimentalWarning"],
    ...(fromSources ? { env: { NODE_COMPILE_CACHE: sourceCache, ...process.env } } : {}),
  });
  let ending = false;
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", () => resolve());
  });
  worker.on("message", (answers: Answers) => handlers.answers(answers));
  worker.once("error", (cause) => {
    handlers.died(deathOf(options.path, cause));
  });
  worker.once("exit", () => {
    if (!ending) handlers.died(deathOf(options.path, undefined));
  });
  const send = (message: ToThread, transfer: ArrayBuffer[]): void => worker.postMessage(message, transfer);
  return {
    post: (batch) => send(batch, batch.bytes.length > handOver ? [batch.bytes.buffer] : []),
    async end() {
      ending = true;
      worker.ref(); // who waits for this must not find the process ended instead
      send("end", []);
      await ended;
    },
    async kill() {
      ending = true;
      worker.ref();
      await worker.terminate();
    },
    hold: (yes) => (yes ? worker.ref() : worker.unref()),
  };
}

/** What a timer of Node can hold, ms; 24 days. */
const longestSleep = 2_147_483_647;

/** `thread=false`: the engine's work is done on this thread, and a slow disk stops it. */
export function startHere(options: EngineOptions, clock: Clock, handlers: PortHandlers): EnginePort {
  const answer = (answers: Answers): void => queueMicrotask(() => handlers.answers(answers));
  let engine: Engine | undefined;
  try {
    engine = new Engine(options, clock, answer, undefined);
  } catch (error) {
    answer({ plain: [], done: [], failed: [], notices: [{ n: "unopened", failure: pack(error, options.path) }] });
  }
  let held: AbortController | undefined;
  const hold = (yes: boolean): void => {
    if (yes === (held !== undefined)) return;
    held?.abort(new Error("nobody waits any more"));
    held = yes ? new AbortController() : undefined;
    // The engine's own timers let the process end; whoever waits for a lock must not find it ended instead.
    if (held !== undefined) clock.sleep(longestSleep, held.signal).catch(() => {});
  };
  const end = (): Promise<void> => {
    hold(false);
    engine?.close();
    engine = undefined;
    return Promise.resolve();
  };
  return {
    post(batch) {
      engine?.accept(batch);
      engine?.run();
    },
    end,
    kill: end,
    hold,
  };
}

function deathOf(path: string, cause: unknown): CeleriacError {
  const why = cause instanceof Error ? cause.message : "it ended";
  return new CeleriacError(
    "BACKEND_UNREACHABLE",
    `The thread that works on ${path} stopped unexpectedly (${why}), so it is not known what became of this call. Repeat it after opening the database again.`,
    { cause, details: { path } },
  );
}
