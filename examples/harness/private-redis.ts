/** A redis-server of the demo's own, on a free port of this machine, gone with it. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { Skipped } from "./skipped.ts";

export interface PrivateRedis extends AsyncDisposable {
  readonly url: string;
}

/** Rejects with {@link Skipped} where no redis-server is installed. */
export async function startPrivateRedis(): Promise<PrivateRedis> {
  const port = await freePort();
  const args = ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"];
  const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "ignore"] });
  const closed = once(child, "close");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => text.includes("Ready to accept") && resolve());
  const missing = new Skipped(
    "no redis-server could be started: install one, or name a broker: --broker redis://… or amqp://…",
  );
  closed.then(
    () => reject(missing),
    () => reject(missing),
  );
  await promise;
  return {
    url: `redis://127.0.0.1:${port}/0`,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL"); // it holds nothing that anybody wants to keep
      await closed;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
