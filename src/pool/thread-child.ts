/** Entry of a thread. It ends when told to, or with its process. */

import { parentPort } from "node:worker_threads";
import { runningTask } from "../task/running.ts";
import { CallContext } from "./call-context.ts";
import { type Boot, FarSide } from "./far-side.ts";
import { markLines } from "./output-marks.ts";
import type { ToChild } from "./pool-message.ts";

const port = parentPort;
if (!port) throw new Error("this file is the entry of a thread; start it through createThreadPool");

process.setSourceMapsEnabled(true);

const farSide = new FarSide({
  apart: Infinity,
  frame(pieces) {
    for (const piece of pieces) port.postMessage(piece, [piece.buffer as ArrayBuffer]);
    return true;
  },
  control: (message) => port.postMessage(message),
  exit: (code) => process.exit(code),
  memory() {
    // The resident set is the whole process's; a thread's own share is its heap and its buffers.
    const { heapTotal, external, arrayBuffers } = process.memoryUsage();
    return { rss: heapTotal + external + arrayBuffers, heap: heapTotal };
  },
});

process.on("exit", () => farSide.flush());

const slot = (): number | undefined => {
  const context = runningTask()?.context;
  return context instanceof CallContext ? context.slot : undefined;
};
markLines(process.stdout, slot);
markLines(process.stderr, slot);

port.on("message", (message: unknown) => {
  if (message instanceof Uint8Array) {
    farSide.frame(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
    return;
  }
  const control = message as ToChild;
  if (control.t === "boot") void farSide.boot(control satisfies Boot);
  else if (control.t === "probe") farSide.probe(control.n);
});
