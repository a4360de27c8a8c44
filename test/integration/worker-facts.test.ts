/** What a worker with children of its own tells of itself, of them, and of the ends that it gave them. */

import { mkdtemp } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { CeleryEvent } from "../../src/index.ts";
import { patience, Rig } from "./rig/rig.ts";

interface Stage extends AsyncDisposable {
  readonly rig: Rig;
  /** The first event of this type that fits, as soon as it is told. */
  heard(type: string, fits?: (event: CeleryEvent) => boolean): Promise<CeleryEvent>;
}

async function open(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-facts-"));
  const rig = new Rig(`sqlite:${join(folder, "queue.db")}`, folder);
  const events: CeleryEvent[] = [];
  await rig.client.events((batch) => void events.push(...batch.events));
  return {
    rig,
    async heard(type, fits = () => true) {
      const find = (): CeleryEvent | undefined => events.find((event) => event.type === type && fits(event));
      await expect.poll(find, { timeout: patience, interval: 20 }).toBeDefined();
      return find() as CeleryEvent;
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}
const mebibyte = 1024 * 1024;

test("heartbeats tell the memory of all its processes together", async () => {
  await using stage = await open();
  await stage.rig.worker();
  await stage.rig.send("leak", { mebibytes: 300 });
  const { rss } = await stage.heard("worker-heartbeat", (event) => Number(event["rss"]) > 300 * mebibyte);
  expect(rss).toBeLessThan(3_000 * mebibyte);
});

test.for(["process", "inline"])("heartbeats tell when a loop of the %s pool is held up", async (pool) => {
  await using stage = await open();
  await stage.rig.worker("--pool", pool);
  await stage.heard("worker-heartbeat", ({ lag }) => typeof lag === "number" && lag < 900);
  await stage.rig.send("block");
  // Held up for two seconds, a timer of each second comes at least one second too late.
  await stage.heard("worker-heartbeat", ({ lag }) => typeof lag === "number" && lag >= 900);
});

test("a child's end is told in facts, not in a text", async () => {
  await using stage = await open();
  await stage.rig.worker();
  await stage.rig.send("exit", { code: 7 });
  const { child, detail } = await stage.heard("celeriac-child", ({ kind }) => kind === "exited");
  expect(child).toBeTypeOf("number");
  expect(detail).toEqual({ code: 7, signal: null, expected: false });
});

test("a task whose process died is told of as given back, with who is to blame", async () => {
  await using stage = await open();
  await stage.rig.worker();
  const { id } = await stage.rig.send("exit", { code: 7 });
  const returned = await stage.heard("celeriac-returned", ({ uuid }) => uuid === id);
  expect(returned).toMatchObject({
    culprit: expect.stringMatching(/^(?:sure|suspect)$/),
    why: expect.stringContaining("exit code 7"),
    attempt: 1,
    child: expect.any(Number),
  });
});

test.for(["SIGTERM", "SIGKILL"] as const)("what is terminated tells that it was by %s", async (signal) => {
  await using stage = await open();
  const { rig } = stage;
  await rig.worker();
  const { id } = await rig.send("hold");
  await rig.entry({ id });
  await rig.client.revoke(id, { terminate: true, signal });
  const revoked = await stage.heard("task-revoked");
  expect(revoked).toMatchObject({ uuid: id, terminated: true, signum: constants.signals[signal], expired: false });
});

test("the cause of an error is in its event and in its result", async () => {
  await using stage = await open();
  await stage.rig.worker();
  const sent = await stage.rig.send("caused");
  const { traceback } = await stage.heard("task-failed");
  expect(traceback).toMatch(/^Error: no receipt\n {4}at [^]* \{\n {2}\[cause\]: RangeError: no such order\n {6}at /);
  const stored = await sent.get({ timeout: patience }).catch((failed: unknown) => failed as { traceback: string });
  expect(stored).toMatchObject({ traceback });
});
