/** Handlers that take many calls at once: who is with whom, an outcome for each, and nobody who waits for those that do not come. */

import { expect, it } from "vitest";
import type { PoolOutcome } from "../../pool/pool.ts";
import { type PoolRig, type PoolSubject, usePools } from "./pool-rig.ts";

const valueOf = (outcome: PoolOutcome): { readonly with: number; readonly input: unknown } => {
  if (outcome.k !== "value") throw new Error(`expected a value, got ${JSON.stringify(outcome)}`);
  return JSON.parse(Buffer.from(outcome.bytes).toString("utf8")) as { with: number; input: unknown };
};
const gather = (rig: PoolRig, inputs: readonly unknown[], task = "gather"): Promise<PoolOutcome>[] =>
  inputs.map((input) => rig.run(task, { input }));

export function batchCases(subject: PoolSubject): void {
  const open = usePools(subject);

  it("calls the handler once for as many as it takes, and answers each with its own", async () => {
    const rig = await open({ slots: 4 });
    const outcomes = await Promise.all(gather(rig, ["a", "fail", "again"]));
    expect(valueOf(outcomes[0] as PoolOutcome)).toMatchObject({ input: "a", with: 3 });
    expect(outcomes[1]).toMatchObject({ k: "error", error: { name: "Busy", message: "this one" } });
    expect(outcomes[2]).toMatchObject({ k: "control", what: "retry", detail: { delay: 5 } });
    expect(rig.progress.map(([slot]) => slot)).toEqual(expect.arrayContaining([1]));
  });

  it.skipIf(subject.contains === "none")("puts together what is given to several children", async () => {
    const rig = await open({ slots: 6, children: 2 });
    const batch = { max: 3, maxWait: 60_000 };
    const outcomes = await Promise.all([1, 2, 3, 4, 5, 6].map((input) => rig.run("gather", { input, batch })));
    expect(outcomes.map((outcome) => valueOf(outcome).with)).toEqual([3, 3, 3, 3, 3, 3]);
    expect(rig.pool.size.children.map(({ done }) => done)).toEqual([3, 3]);
  });

  it("fails all of a batch whose handler throws, or returns what is no outcome for each", async () => {
    const rig = await open({ slots: 4 });
    for (const outcome of await Promise.all(gather(rig, ["a", "throw", "b"])))
      expect(outcome).toMatchObject({ k: "error", error: { name: "Busy", message: "all of them" } });
    for (const outcome of await Promise.all(gather(rig, [1, 2], "gather-badly")))
      expect(outcome).toMatchObject({ k: "error", error: { code: "BATCH_OUTCOMES" } });
  });

  it("waits no longer than it says, and not at all for whom there is no place", async () => {
    const rig = await open({ slots: 2 });
    const [alone] = await Promise.all(gather(rig, ["alone"], "gather-soon"));
    expect(valueOf(alone as PoolOutcome)).toMatchObject({ with: 1 });
    const both = await Promise.all(gather(rig, ["a", "b"]));
    expect(both.map((outcome) => valueOf(outcome).with)).toEqual([2, 2]);
  });

  it("begins at once when no more will come", async () => {
    const rig = await open({ slots: 4 });
    const waiting = gather(rig, ["a"]);
    await rig.until(() => rig.began.length === 1);
    rig.pool.hurry();
    expect(valueOf((await Promise.all(waiting))[0] as PoolOutcome)).toMatchObject({ with: 1 });
  });

  it("leaves out what was told to stop while it waited, and tells the batch when all were", async () => {
    const rig = await open({ slots: 4 });
    const stop = new AbortController();
    const stopped = rig.run("gather", { input: "stopped" }, stop.signal);
    await rig.until(() => rig.began.length === 1);
    stop.abort("shutdown");
    const others = await Promise.all(gather(rig, ["a", "b"]));
    expect(others.map((outcome) => valueOf(outcome).with)).toEqual([2, 2]);
    expect(await stopped).toMatchObject({ k: "error", error: { code: "WORKER_CLOSED" } });
    const all = new AbortController();
    const running = ["wait", "b", "c"].map((input) => rig.run("gather", { input }, all.signal));
    await rig.until(() => rig.began.length === 6);
    all.abort("shutdown");
    for (const outcome of await Promise.all(running)) expect(valueOf(outcome)).toMatchObject({ with: 3 });
  });

  it.skipIf(subject.contains === "none")(
    "suspects all of a batch that killed its child, and runs a suspect alone",
    async () => {
      const rig = await open({ slots: 3 });
      const outcomes = await Promise.all(gather(rig, ["a", "die", "b"]));
      for (const outcome of outcomes) expect(outcome).toMatchObject({ k: "lost", began: true, culprit: "suspect" });
      const alone = await rig.run("gather", { input: "a", isolated: true });
      expect(valueOf(alone)).toMatchObject({ with: 1 });
    },
  );
}
