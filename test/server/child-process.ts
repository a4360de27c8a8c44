/** Whether a process runs, and its end. */

import { once } from "node:events";
import type { ChildProcess } from "node:child_process";

export function runs(child: ChildProcess | undefined): child is ChildProcess {
  return child !== undefined && child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Sends the signal and waits until the process is gone; at once for one that is. `send` reaches a whole group where one is wanted. */
export async function end(
  child: ChildProcess | undefined,
  signal: NodeJS.Signals = "SIGKILL",
  send: (child: ChildProcess, signal: NodeJS.Signals) => void = (one) => void one.kill(signal),
): Promise<void> {
  if (!runs(child)) return;
  const exit = once(child, "exit");
  send(child, signal);
  await exit;
}
