/**
 * A thread of a child process that waits for the end of descriptor 5, whose other end the worker holds and never writes to. End
 * of file means that the worker is gone: SIGKILL to the whole process, which may be blocked in a loop and can't end itself.
 */

import { Socket } from "node:net";

const end = (): void => {
  process.kill(process.pid, "SIGKILL");
};

new Socket({ fd: 5, readable: true, writable: false }).on("end", end).on("error", end).on("close", end).resume();
