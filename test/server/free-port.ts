/**
 * A port of 127.0.0.1 that nobody listens on just now. Another process may take it before its user binds: whoever binds tries again. It is
 * none of those that the system gives to outgoing connections and to who asks for any: a server that is killed and started again finds it free.
 */

import { createServer } from "node:net";

/** Below the first port that Linux gives away by itself (32768), above what services of a machine use. */
const first = 15_000;
const count = 17_000;
const tries = 100;

export async function freePort(): Promise<number> {
  for (let attempt = 1; attempt <= tries; attempt++) {
    const port = first + Math.floor(Math.random() * count);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${String(tries)} ports from ${String(first)} on is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
