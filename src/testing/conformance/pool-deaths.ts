/** Children that die, grow or age: who is blamed, what is kept of their last words, and that the slots come back. */

import { expect, it } from "vitest";
import { type PoolSubject, usePools } from "./pool-rig.ts";

const mebibyte = 1024 * 1024;

export function deathCases(subject: PoolSubject): void {
  const open = usePools(subject);
  const processes = subject.contains === "process";

  it("blames a task that died alone, and refills the slot", async () => {
    const rig = await open({ slots: 2 });
    const outcome = await rig.run("exit", { input: 3 });
    expect(outcome).toMatchObject({ k: "lost", began: true, culprit: "sure", code: 3, signal: null });
    await rig.room(2);
    expect(await rig.value("echo", { input: "after" })).toBe("after");
  });

  // What a thread has written when it exits is lost on the way; a process writes to its pipe at once.
  it.skipIf(!processes)("keeps the last words of a child", async () => {
    const rig = await open({ slots: 1 });
    const outcome = await rig.run("exit", { input: 3 });
    expect(outcome).toMatchObject({ k: "lost", stderrTail: "last words\nof the child" });
  });

  it("suspects all that ran when a child died with several", async () => {
    const rig = await open({ slots: 3 });
    const outcomes = await Promise.all([rig.run("deaf"), rig.run("deaf"), rig.run("exit", { input: 9 })]);
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ k: "lost", began: true, culprit: "suspect", code: 9 });
  });

  it("blames a suspect that dies alone, and its neighbours go on", async () => {
    const rig = await open({ slots: 3 });
    const neighbour = rig.run("sleep", { input: 1000 });
    await rig.until(() => rig.began.length === 1);
    expect(await rig.run("exit", { input: 3, isolated: true })).toMatchObject({ k: "lost", culprit: "sure", code: 3 });
    expect(await neighbour).toMatchObject({ k: "value" });
  });

  it("survives an error outside of any promise", async () => {
    const rig = await open({ slots: 1 });
    const outcome = await rig.run("exit-later");
    expect(outcome).toMatchObject({ k: "lost", culprit: "sure", code: 1 });
    expect(outcome.k === "lost" && outcome.stderrTail).toContain("out of the blue");
  });

  it.skipIf(!processes)("survives SIGKILL", async () => {
    const rig = await open({ slots: 1 });
    expect(await rig.run("kill-self")).toMatchObject({ k: "lost", culprit: "sure", code: null, signal: "SIGKILL" });
    await rig.room();
    expect(await rig.value("echo", { input: 1 })).toBe(1);
  });

  it("ends a task that fills its heap", async () => {
    const rig = await open({ slots: 1, memoryLimit: 32 * mebibyte });
    expect(await rig.run("hog-heap")).toMatchObject({ k: "lost", culprit: "sure" });
    await rig.room();
    expect(await rig.value("echo", { input: 1 })).toBe(1);
  });

  it("kills a child whose memory passes the limit", async () => {
    const rig = await open({ slots: 1, killRss: 350 * mebibyte });
    expect(await rig.run("hog-buffers", { input: 600 })).toMatchObject({ k: "lost", began: true, culprit: "sure" });
    expect(rig.events).toContainEqual(expect.objectContaining({ kind: "killed", why: "memory" }));
  });

  it("replaces a child after its number of tasks, and not before", async () => {
    const rig = await open({ slots: 1, maxTasks: 3 });
    const seen: unknown[] = [];
    for (let n = 0; n < 7; n++) {
      await rig.room();
      seen.push(await rig.value("whoami"));
    }
    const groups = seen.map((who) => seen.findIndex((other) => JSON.stringify(other) === JSON.stringify(who)));
    expect(groups).toEqual([0, 0, 0, 3, 3, 3, 6]);
  });

  it("replaces an old child, its successor first", async () => {
    const rig = await open({ slots: 1, maxAge: 500 });
    const running = rig.run("sleep", { input: 1500 });
    await rig.until(() => rig.events.some((event) => event.kind === "retiring" && event.why === "max-age"));
    expect(rig.events.filter((event) => event.kind === "ready")).toHaveLength(2);
    expect(await running).toMatchObject({ k: "value" });
  });

  it("replaces a child that has grown", async () => {
    // A fresh child process has some 60 MB, a thread a dozen.
    const rig = await open({ slots: 1, recycleRss: 160 * mebibyte });
    await rig.value("leak", { input: 120 });
    await rig.until(() => rig.events.some((event) => event.kind === "retiring" && event.why === "memory"));
    await rig.room();
    expect(await rig.value("leak", { input: 1 })).toBe(1);
  });

  it("passes on what children print, with the task that printed it", async () => {
    const rig = await open({ slots: 2 });
    await Promise.all([rig.run("print", { input: 1, id: "one" }), rig.run("print", { input: 2, id: "two" })]);
    await rig.until(() => rig.lines.length === 6);
    const lines = rig.lines.map(([, stream, text, task]) => `${stream} ${text} ${task}`);
    expect(lines.toSorted()).toEqual([
      "stderr err 1 one",
      "stderr err 2 two",
      "stderr second line one",
      "stderr second line two",
      "stdout out 1 one",
      "stdout out 2 two",
    ]);
  });

  it("runs calls in all children", async () => {
    const rig = await open({ slots: 4, children: 2 });
    const running = [1, 2, 3, 4].map(() => rig.run("sleep", { input: 100 }));
    const loads = rig.pool.size.children.map((child) => child.slots.length);
    expect(loads).toEqual([2, 2]);
    await Promise.all(running);
    expect(rig.pool.size.children.map((child) => child.done)).toEqual([2, 2]);
  });

  it("gives a call to the next child when the one with room has just died", async () => {
    const rig = await open({ slots: 1 });
    await rig.run("exit", { input: 3 });
    expect(rig.pool.room({ isolated: false })).toBe(0);
    expect(await rig.value("echo", { input: "waited" })).toBe("waited");
  });
}
