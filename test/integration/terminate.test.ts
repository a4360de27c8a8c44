/** Runs that are ended from outside, in the pools that can do it by force: REVOKED, no other try, and nobody else pays for it. */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { AsyncResult } from "../../src/index.ts";
import { describeOnServers, patience, Rig } from "./rig/rig.ts";

const terminated = (sent: AsyncResult<unknown>): Promise<void> =>
  expect(sent.get({ timeout: patience })).rejects.toMatchObject({
    code: "TASK_REVOKED",
    message: expect.stringContaining("terminated"),
  });

/** Ends a loop that nothing but a signal ends, in the very child that a neighbour runs in. */
async function endLoop(rig: Rig, pool: string): Promise<void> {
  const worker = await rig.worker("--pool", pool, "-c", "2");
  const neighbour = await rig.send("hold");
  await rig.entry({ id: neighbour.id });
  const loop = await rig.send("loop");
  await rig.entry({ id: loop.id });
  await loop.revoke({ terminate: true, signal: "SIGKILL", reason: "it never ends" });
  await terminated(loop);
  await worker.line("task.revoked", ({ id }) => id === loop.id);
  rig.open("all");
  // It shared the loop's child, and is none the worse for it.
  await neighbour.get({ timeout: patience });
  expect(new Set(rig.entries({ id: neighbour.id }).map(({ attempt }) => attempt))).toEqual(new Set([1]));
  expect(rig.entries({ id: loop.id })).toHaveLength(1);
  expect(await rig.letters()).toEqual([]);
  await rig.drained();
}

describeOnServers("a run that is terminated", (open) => {
  test("goes round for ever no more, and its neighbour is run again", async () => {
    await using rig = await open();
    await endLoop(rig, "process");
  });
});

describe("a run that is terminated", () => {
  const open = async (): Promise<Rig> => {
    const folder = await mkdtemp(join(tmpdir(), "celeriac-terminate-"));
    return new Rig(`sqlite:${join(folder, "queue.db")}`, folder);
  };

  test("goes round for ever no more in a thread either", async () => {
    await using rig = await open();
    await endLoop(rig, "thread");
  });

  test("is told first, and ended by force when it does not listen", async () => {
    await using rig = await open();
    await rig.worker("--slots-per-child", "1", "--processes", "2");
    const polite = await rig.send("hold");
    const deaf = await rig.send("hold", { deaf: true });
    for (const { id } of [polite, deaf]) await rig.entry({ id });
    await rig.client.revoke([polite.id, deaf.id], { terminate: true });
    expect(await rig.entry({ k: "abort", id: polite.id })).toMatchObject({ code: "TASK_REVOKED" });
    await Promise.all([polite, deaf].map(terminated));
    expect(rig.entries({ k: "start" })).toHaveLength(2);
    expect(rig.entries({ k: "end" })).toEqual([]);
    await rig.drained();
    expect(await rig.letters()).toEqual([]);
  });
});
