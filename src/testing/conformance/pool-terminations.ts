/** Runs that are ended from outside: at once, by force, at nobody else's cost. */

import { expect, it } from "vitest";
import { type PoolSubject, usePools } from "./pool-rig.ts";

export function terminationCases(subject: PoolSubject): void {
  const open = usePools(subject);
  const contained = subject.contains !== "none";

  it.skipIf(!contained)("ends a loop that nothing else stops, and has its slot again", async () => {
    const rig = await open({ slots: 1 });
    const outcome = rig.run("spin");
    await rig.until(() => rig.began.length === 1);
    expect(rig.pool.terminate(rig.slot)).toBe(true);
    expect(await outcome).toMatchObject({ k: "lost", began: true, culprit: "bystander" });
    await rig.room();
    expect(await rig.value("echo", { input: "after" })).toBe("after");
    expect(rig.events).toContainEqual(expect.objectContaining({ kind: "killed", why: "terminated" }));
  });

  it.skipIf(!contained)("ends one that waits, while its neighbours finish", async () => {
    const rig = await open({ slots: 3 });
    const neighbour = rig.run("sleep", { input: 300 });
    const outcome = rig.run("deaf");
    const { slot } = rig;
    await rig.until(() => rig.began.length === 2);
    expect(rig.pool.terminate(slot)).toBe(true);
    expect(await outcome).toMatchObject({ k: "lost", culprit: "bystander" });
    expect(await neighbour).toMatchObject({ k: "value" });
    await rig.room(3);
    expect(await rig.value("echo", { input: 1 })).toBe(1);
  });

  it.skipIf(!contained)("blames no neighbour of a loop that is ended", async () => {
    const rig = await open({ slots: 2 });
    const neighbour = rig.run("deaf");
    await rig.until(() => rig.began.length === 1);
    const outcome = rig.run("spin");
    const { slot } = rig;
    await rig.until(() => rig.began.length === 2);
    expect(rig.pool.terminate(slot)).toBe(true);
    expect(await outcome).toMatchObject({ k: "lost", culprit: "bystander" });
    expect(await neighbour).toMatchObject({ k: "lost", began: true, culprit: "bystander" });
  });

  it.skipIf(!contained)("ends a suspect in its own child", async () => {
    const rig = await open({ slots: 1 });
    const outcome = rig.run("spin", { isolated: true });
    await rig.until(() => rig.began.length === 1);
    expect(rig.pool.terminate(rig.slot)).toBe(true);
    expect(await outcome).toMatchObject({ k: "lost", culprit: "bystander" });
    await rig.room(1, true);
  });

  it("knows what it cannot end", async () => {
    const rig = await open({ slots: 1 });
    expect(rig.pool.terminate(99)).toBe(false);
    expect(await rig.value("echo", { input: 1 })).toBe(1);
    expect(rig.pool.terminate(rig.slot)).toBe(false);
    if (contained) return;
    const controller = new AbortController();
    const outcome = rig.run("polite", {}, controller.signal);
    await rig.until(() => rig.began.length === 2);
    expect(rig.pool.terminate(rig.slot)).toBe(false);
    controller.abort("revoked");
    expect(await outcome).toMatchObject({ k: "value" });
  });
}
