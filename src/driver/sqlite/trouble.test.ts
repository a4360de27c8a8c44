/** A file in use that others hold or shut: a reader that stands still, and a file system that turns read-only. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, describe, expect, it } from "vitest";

import type { Delivery } from "../../port/broker.ts";
import { Bench, consuming, idOf, never, outgoing, until } from "./fixtures/harness.ts";

const bench = new Bench();
afterEach(() => bench.clear());

const mebibyte = 1024 * 1024;

it("a reader that stands still pins the log: work goes on, the process is named, and the log shrinks when it is gone", async () => {
  const path = bench.file();
  const reader = await bench.process(path);
  reader.send({ do: "read", path });
  await reader.wait("reading");
  reader.child.kill("SIGSTOP");
  const warnings: (Error & { readonly code?: string })[] = [];
  const heard = (warning: Error): void => void warnings.push(warning);
  process.on("warning", heard);
  try {
    const backend = await bench.open(path, "?durability=process");
    const held: Delivery[] = [];
    const consumer = await backend.broker.consume({ ...consuming, queues: ["q"] }, (batch) => {
      held.push(...batch);
      void consumer.settle(batch.map((delivery) => ({ delivery, then: { kind: "ack" } })));
    });
    consumer.want(10, 10);
    const large = "x".repeat(4 * mebibyte);
    let sent = 0;
    for (; statSync(`${path}-wal`).size < 256 * mebibyte; sent++)
      expect(await backend.broker.publish([outgoing("q", `${sent}`, large)], never)).toEqual([{ kind: "accepted" }]);
    await until("everything to be handed out", () => held.length === sent);
    const told = () => warnings.find(({ code }) => code === "DATABASE_LOG_PINNED");
    await until("the warning", () => told() !== undefined);
    expect(told()?.message).toContain(`pinned by a reader in process ${reader.pid}`);
    const named = expect.stringContaining(`pinned by a reader in process ${reader.pid}`);
    expect(await backend.examine()).toContainEqual(
      expect.objectContaining({ topic: "disk", verdict: "warning", text: named }),
    );
    await reader.kill();
    await until("the log to be written back", () => statSync(`${path}-wal`).size <= 64 * mebibyte);
  } finally {
    process.off("warning", heard);
  }
  // A quarter of a gigabyte is written twice.
}, 300_000);

// The -shm file stays as it is: SQLite maps it, and the kernel ends a process (SIGBUS) that writes into a page which has nowhere to go.
const immutable = (on: boolean, path: string): void => {
  for (const file of [path, `${path}-wal`]) execFileSync("chattr", [on ? "+i" : "-i", file], { stdio: "pipe" });
};

describe.runIf(isImmutabilityKnown())("a file that turns read-only under a worker", () => {
  it("refuses by its code what comes, tells the worker, and settles what was done when it can be written again", async () => {
    const path = bench.file();
    const backend = await bench.open(path);
    const events: string[] = [];
    const held: Delivery[] = [];
    const consumer = await backend.broker.consume({ ...consuming, queues: ["q"] }, (batch) => void held.push(...batch));
    for (const event of ["disconnected", "connected"] as const) consumer.on(event, () => void events.push(event));
    consumer.want(1, 1);
    await backend.broker.publish([outgoing("q", "before")], never);
    await until("the first", () => held.length === 1);
    const [delivery] = held;
    if (delivery === undefined) throw new Error("none came");
    immutable(true, path);
    try {
      const readOnly = expect.objectContaining({ code: "DATABASE_READ_ONLY", message: expect.stringContaining(path) });
      await expect(backend.broker.publish([outgoing("q", "during")], never)).rejects.toEqual(readOnly);
      await expect(consumer.settle([{ delivery, then: { kind: "ack" } }])).rejects.toEqual(readOnly);
      expect(events).toEqual(["disconnected"]);
    } finally {
      immutable(false, path);
    }
    expect(await consumer.settle([{ delivery, then: { kind: "ack" } }])).toEqual([{ kind: "settled" }]);
    expect(await backend.broker.publish([outgoing("q", "after")], never)).toEqual([{ kind: "accepted" }]);
    await until("the next", () => held.length === 2);
    expect(held.map(idOf)).toEqual(["before", "after"]);
    expect(events).toEqual(["disconnected", "connected"]);
  });
});

/** Root's to set, and not on every file system. */
function isImmutabilityKnown(): boolean {
  const path = join(mkdtempSync(join(tmpdir(), "celeriac-immutable-")), "file");
  writeFileSync(path, "");
  try {
    for (const flag of ["+i", "-i"]) execFileSync("chattr", [flag, path], { stdio: "pipe" });
    return true;
  } catch {
    console.warn("no chattr +i here: the test of a file that turns read-only is skipped");
    return false;
  } finally {
    rmSync(dirname(path), { recursive: true, force: true });
  }
}
