/** Renewal beside user code that does not let its thread turn. */

import { spawn } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Catch, eventually, idOf, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

/** A start of Node on a busy machine, ms. */
const patience = 60_000;

/** Claims one message of queue argv[3] and blocks for argv[4] ms; then settles it and says what came of it. */
const blocker = `
import { Catch, openBackend } from ${JSON.stringify(new URL("../../../test/server/redis-backend.ts", import.meta.url).href)};
const [url, queue, ms, stallLimit] = process.argv.slice(1);
const backend = await openBackend(url);
const caught = await Catch.open(backend, queue, 1, { lease: 5000, sweep: 100, userCodeHere: true, stallLimit: Number(stallLimit) });
console.log("ready");
const [delivery] = await caught.until(1);
caught.consumer.started([delivery], "sure");
console.log("began");
const end = performance.now() + Number(ms);
while (performance.now() < end);
await new Promise((resolve) => setImmediate(resolve));
console.log(delivery.lost.aborted ? "lost" : "held");
const [answer] = await caught.consumer.settle([{ delivery, then: { kind: "ack" } }]);
console.log(answer.kind);
await backend.close();
`;

function block(args: readonly string[]): { lines: string[]; errors: string[]; end: Promise<string | number | null> } {
  const child = spawn(process.execPath, ["--input-type=module", "-e", blocker, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [lines, errors]: [string[], string[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => lines.push(...chunk.toString().trim().split("\n")));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk.toString()));
  const end = new Promise<string | number | null>((resolve) =>
    child.once("close", (code, signal) => resolve(signal ?? code)),
  );
  return { lines, errors, end };
}

describeWith("redis-server", "redis renewal", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it("keeps the lease of a task that blocks its thread for many leases", async () => {
    const backend = await openBackend(redis.url);
    const connections = async (): Promise<number> => (await redis.cli("CLIENT", "LIST")).split("\n").length;
    const before = await connections();
    const child = block([redis.url, "busy", "12000", "60000"]);
    await eventually("the consumer", () => child.lines.includes("ready"), patience);
    // One for its commands, one for each thing it waits for, and the last for the renewing thread, whose start may take longer than a lease.
    await eventually("the renewing thread", async () => (await connections()) >= before + 4, patience);
    await backend.broker.publish([outgoing("busy", "long")], never);
    await eventually("the start", () => child.lines.includes("began"), patience);
    const rival = await Catch.open(backend, "busy", 1, { lease: 60_000, sweep: 100 });
    expect(await child.end, child.errors.join("")).toBe(0);
    expect(child.lines).toEqual(["ready", "began", "held", "settled"]);
    expect(rival.all).toEqual([]);
    await backend.close();
  });

  it("ends a process whose thread never turns again, so that its task runs elsewhere", async () => {
    const backend = await openBackend(redis.url);
    await backend.broker.publish([outgoing("wedged", "stuck")], never);
    const child = block([redis.url, "wedged", "60000", "8000"]);
    await eventually("the start", () => child.lines.includes("began"), patience);
    const rival = await Catch.open(backend, "wedged", 1, { lease: 60_000, sweep: 100 });
    expect(await child.end).toBe("SIGKILL");
    expect(child.errors.join("")).toContain("WORKER_STALLED");
    const [delivery] = await rival.until(1);
    expect([delivery && idOf(delivery), delivery?.crashes, delivery?.redelivered]).toEqual(["stuck", 1, true]);
    await backend.close();
  });
});
