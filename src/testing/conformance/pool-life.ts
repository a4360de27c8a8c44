/** Slots, isolation and closing: what holds on every pool, whatever its far side is. */

import { expect, it } from "vitest";
import { type PoolSubject, usePools } from "./pool-rig.ts";

export function lifeCases(subject: PoolSubject): void {
  const open = usePools(subject);
  const contained = subject.contains !== "none";

  it("has room for as many as it has slots, and never more", async () => {
    const rig = await open({ slots: 3, children: 2 });
    expect(rig.pool.room({ isolated: false })).toBe(3);
    const outcomes = [1, 2, 3].map(() => rig.run("sleep", { input: 100 }));
    expect(rig.pool.room({ isolated: false })).toBe(0);
    expect(rig.pool.size).toMatchObject({ slots: 3, busy: 3 });
    await Promise.all(outcomes);
    expect(rig.pool.room({ isolated: false })).toBe(3);
    expect(rig.pool.size.busy).toBe(0);
  });

  it("never runs more than its slots, however many it is given", async () => {
    const rig = await open({ slots: 2 });
    const outcomes = [1, 2, 3, 4, 5].map(() => rig.run("sleep", { input: 60 }));
    await rig.until(() => rig.began.length === 2);
    expect(rig.pool.room({ isolated: false })).toBe(0);
    let ended = 0;
    for (const outcome of outcomes) {
      await outcome;
      ended++;
      expect(rig.began.length).toBeLessThanOrEqual(ended + 2);
    }
    expect(rig.began).toEqual([1, 2, 3, 4, 5]);
  });

  it.skipIf(contained)("runs a suspect when nothing else runs, and nothing beside it", async () => {
    const rig = await open({ slots: 2 });
    const neighbour = rig.run("sleep", { input: 100 });
    expect(rig.pool.room({ isolated: true })).toBe(0);
    await neighbour;
    expect(rig.pool.room({ isolated: true })).toBe(1);
    const suspect = rig.run("sleep", { input: 50, isolated: true });
    expect(rig.pool.room({ isolated: false })).toBe(0);
    expect(await suspect).toMatchObject({ k: "value" });
    expect(rig.pool.room({ isolated: false })).toBe(2);
  });

  it.skipIf(!contained)("runs a suspect in a fresh child, and nobody else there", async () => {
    const rig = await open({ slots: 3 });
    const usual = await rig.value("whoami");
    const neighbour = rig.run("sleep", { input: 500 });
    const [alone, another] = await Promise.all([
      rig.value("whoami", { isolated: true }),
      rig.value("whoami", { isolated: false }),
    ]);
    expect(alone).not.toEqual(usual);
    expect(another).toEqual(usual);
    expect(await rig.value("whoami", { isolated: true })).not.toEqual(alone);
    expect(await neighbour).toMatchObject({ k: "value" });
  });

  it("has no room before it is open and after it is closed, and answers all the same", async () => {
    const rig = await open();
    await rig.pool.close(0);
    expect(rig.pool.room({ isolated: false })).toBe(0);
    expect(await rig.run("echo", { input: 1 })).toMatchObject({ k: "lost", began: false, culprit: "bystander" });
    expect(await rig.pool.close(0)).toEqual([]);
  });

  it("lets calls finish while it closes", async () => {
    const rig = await open();
    const outcome = rig.run("sleep", { input: 150 });
    await rig.until(() => rig.began.length === 1);
    expect(await rig.pool.close(60_000)).toEqual([]);
    expect(await outcome).toMatchObject({ k: "value" });
  });

  it("asks politely when the grace is over, then ends what does not listen", async () => {
    const rig = await open();
    const polite = rig.run("polite");
    const deaf = rig.run("deaf");
    await rig.until(() => rig.began.length === 2);
    // The polite one has as long again, at most a second.
    expect(await rig.pool.close(1_000)).toEqual([2]);
    const ended = await polite;
    expect(ended.k === "value" && Buffer.from(ended.bytes).toString()).toBe('"WORKER_CLOSED"');
    expect(await deaf).toMatchObject({ k: "lost", began: true, culprit: "bystander" });
  });

  it("closes at once without a grace, and a second close shortens the first", async () => {
    const rig = await open();
    const deaf = rig.run("deaf");
    await rig.until(() => rig.began.length === 1);
    const slow = rig.pool.close(60_000);
    expect(await rig.pool.close(0)).toEqual([1]);
    expect(await slow).toEqual([1]);
    expect(await deaf).toMatchObject({ k: "lost", culprit: "bystander" });
  });

  it("takes more slots and fewer while it runs", async () => {
    const rig = await open({ slots: 1 });
    await rig.pool.resize(6, 2);
    await rig.room(6);
    const running = [1, 2, 3, 4, 5, 6].map(() => rig.run("sleep", { input: 200 }));
    expect(rig.pool.room({ isolated: false })).toBe(0);
    await rig.pool.resize(2, 1);
    expect((await Promise.all(running)).map((outcome) => outcome.k)).toEqual(Array.from({ length: 6 }, () => "value"));
    await rig.room(2);
    expect(rig.pool.room({ isolated: false })).toBe(2);
  });

  it("can be restarted while it works", async () => {
    const rig = await open({ slots: 4, children: 2 });
    const running = rig.run("sleep", { input: 300 });
    await rig.until(() => rig.began.length === 1);
    await rig.pool.restart();
    expect(await running).toMatchObject({ k: "value" });
    expect(await rig.value("echo", { input: 1 })).toBe(1);
  });

  it.skipIf(!contained)("has none of its old children after a restart", async () => {
    const rig = await open({ slots: 2, children: 2 });
    const before = new Set(rig.pool.size.children.map((child) => child.started));
    await Promise.all([rig.pool.restart(), rig.pool.restart()]);
    const after = rig.pool.size.children.map((child) => child.started);
    expect(after).toHaveLength(2);
    expect(after.filter((started) => before.has(started))).toEqual([]);
  });
}
