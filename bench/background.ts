/**
 * Whether background work holds the response that announced it: one request after the other on one connection, in turn without any and with five
 * functions that run after the response.
 *
 *   npm run bench -- background [--requests 4000] [--json]
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median, percentile } from "./statistics.ts";

/** How much later the 99th percentile may be, ms. */
const bound = 2;
/** Functions that a request adds. */
const each = 5;
/** The difference is the median of so many parts of the run: a busy machine's own pauses are seldom in most of them. */
const parts = 5;
/** Requests of each kind before the measured ones: the compiler is done by then. */
const warmup = 500;

/** Whether the bound is kept, and everything that was added ran. */
export async function background(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: { requests: { type: "string", default: "4000" }, json: { type: "boolean", default: false } },
  });
  const requests = Number(values.requests);
  if (!(Number.isSafeInteger(requests) && requests > 0)) throw new Error("--requests takes a whole number");
  const server = fork(join(import.meta.dirname, "background-server.ts"), {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const [port] = (await once(server, "message")) as [number];
    const times: Record<"without" | "with", number[]> = { without: [], with: [] };
    for (let at = -warmup; at < requests; at++)
      for (const kind of ["without", "with"] as const) {
        const { ms } = await ask(port, `/${kind}`, agent);
        if (at >= 0) times[kind].push(ms);
      }
    const all = (requests + warmup) * each;
    let noted = 0;
    // What the last one added runs behind its response.
    for (let look = 0; noted < all && look < 1000; look++)
      ({ noted } = JSON.parse((await ask(port, "/noted", agent)).text) as { readonly noted: number });
    const [p50, p99] = [0.5, 0.99].map((share) => ({
      without: percentile(times.without, share),
      with: percentile(times.with, share),
    })) as [Pair, Pair];
    const size = Math.ceil(requests / parts);
    const later = median(
      Array.from({ length: parts }, (_, part) => {
        const [without, withWork] = [times.without, times.with].map((all) =>
          percentile(all.slice(part * size, (part + 1) * size), 0.99),
        ) as [number, number];
        return withWork - without;
      }),
    );
    const ok = later <= bound && noted === all;
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ requests, p50, p99, later, bound, noted, all, ok })}\n`
        : `response, ms, ${String(requests)} requests of each kind: p50 ${p50.without.toFixed(2)} without background work, ${p50.with.toFixed(2)} with ${String(each)} functions; ` +
            `p99 ${p99.without.toFixed(2)} and ${p99.with.toFixed(2)}, in the median of ${String(parts)} parts ${later.toFixed(2)} later (bound ${String(bound)}); ${String(noted)} of ${String(all)} functions ran\n`,
    );
    return ok;
  } finally {
    agent.destroy();
    const exited = once(server, "exit");
    server.disconnect();
    await exited;
  }
}

interface Pair {
  readonly without: number;
  readonly with: number;
}

function ask(port: number, path: string, agent: Agent): Promise<{ readonly ms: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const asked = request({ host: "127.0.0.1", port, path, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ ms: performance.now() - started, text }));
    });
    asked.on("error", reject).end();
  });
}
