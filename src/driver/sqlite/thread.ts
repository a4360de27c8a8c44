/** The driver's thread: opens the engine on the file it is told, feeds it what callers post, and ends when they close it. */

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";

import { systemClock } from "../../clock/clock.ts";
import { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine.ts";
import type { Answers } from "./exchange.ts";
import type { Batch } from "./parcel.ts";
import { pack } from "./failure.ts";

export interface ThreadData {
  readonly options: EngineOptions;
  /** Counted up by the calling thread while it lives. */
  readonly pulse: SharedArrayBuffer;
}
/** A batch, or the word that this thread may end. */
export type ToThread = Batch | "end";

const port = parentPort;
if (port === null) throw new Error("this file runs as a worker thread only");
const { options, pulse } = workerData as ThreadData;
try {
  const engine = new Engine(
    options,
    systemClock,
    (answers, transfer) => port.postMessage(answers, transfer),
    new Int32Array(pulse),
  );
  port.on("message", (first: ToThread) => {
    // All that has come meanwhile shares one transaction.
    for (let message: ToThread | undefined = first; message !== undefined; message = next()) {
      if (message === "end") {
        engine.close();
        port.close();
        return;
      }
      engine.accept(message);
    }
    engine.run();
  });
} catch (error) {
  const answers: Answers = {
    plain: [],
    done: [],
    failed: [],
    notices: [{ n: "unopened", failure: pack(error, options.path) }],
  };
  port.postMessage(answers);
  port.close();
}

function next(): ToThread | undefined {
  return port === null ? undefined : (receiveMessageOnPort(port)?.message as ToThread | undefined);
}
