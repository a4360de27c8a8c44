/**
 * Entry of a child process. Ends with its worker, however that ends: by the closed channel, and, since a blocked loop hears
 * nothing, by a thread that watches a pipe. Ignores SIGINT and SIGTERM: terminals and supervisors send them to the whole group,
 * and the worker decides what becomes of its children.
 */

import { Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { systemClock } from "../clock/clock.ts";
import { runningTask } from "../task/running.ts";
import { CallContext } from "./call-context.ts";
import { type Boot, FarSide } from "./far-side.ts";
import { FrameReader } from "./frame.ts";
import { siblingModule } from "./link.ts";
import { markLines } from "./output-marks.ts";
import type { ToChild } from "./pool-message.ts";
import { SpareMemory } from "../heap/spare-memory.ts";

const orphaned = 70;

process.on("disconnect", () => process.exit(orphaned));
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
new Worker(siblingModule("orphan-watcher"), { env: {}, execArgv: ["--disable-warning=ExperimentalWarning"] }).unref();

const pipe = new Socket({ fd: 4, readable: true, writable: true });
const farSide = new FarSide({
  apart: 32_768,
  frame(pieces) {
    pipe.cork();
    for (const piece of pieces) pipe.write(piece);
    pipe.uncork();
    return !pipe.writableNeedDrain;
  },
  control(message) {
    if (process.connected) process.send?.(message);
  },
  exit(code) {
    if (pipe.writableLength === 0) process.exit(code);
    pipe.end(() => process.exit(code));
  },
  memory() {
    const { rss, heapTotal } = process.memoryUsage();
    return { rss, heap: heapTotal };
  },
});

void new SpareMemory(systemClock, () => farSide.doing);

const reader = new FrameReader((frame) => farSide.frame(frame));
pipe.on("data", (chunk: Buffer) => reader.push(chunk));
pipe.on("drain", () => farSide.drained());
pipe.on("error", () => process.exit(orphaned));
process.on("exit", () => farSide.flush());

const slot = (): number | undefined => {
  const context = runningTask()?.context;
  return context instanceof CallContext ? context.slot : undefined;
};
markLines(process.stdout, slot);
markLines(process.stderr, slot);

process.on("message", (message) => {
  const control = message as ToChild;
  if (control.t === "boot") void farSide.boot(control satisfies Boot);
  else if (control.t === "probe") farSide.probe(control.n);
});
