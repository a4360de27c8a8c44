/** Results on another server: the end of a dead task is stored, and its worker dies before the message lies with the dead letters. */

import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import type { ResultStore } from "../port/result-store.ts";
import { resultOf } from "../testing/conformance/rig.ts";
import { encodeTaskMeta } from "../wire/outcome.ts";
import { again, type ApartStore, openApartStore } from "./fixtures/apart-store.ts";
import { type Bench, died, flowBench } from "./fixtures/flow-bench.ts";
import { givenUp } from "./owed-letter.ts";

async function settle(stage: Bench): Promise<void> {
  for (let n = 0; n < 20; n++) {
    await stage.clock.advance(100);
    await turn();
  }
}

async function dead({ store, ledger }: ApartStore, outcome: "dead" | undefined): Promise<void> {
  const start = { id: "a", attempt: 1, messageId: undefined, nonce: "n", worker: "gone", redelivered: false } as const;
  const [begun] = await ledger.begin([{ ...start, blame: "sure" }]);
  if (begun?.kind !== "go") throw new Error("it begins");
  const { fence } = begun;
  const value = { exc_type: "WorkerLostError", exc_message: ["ended with code 3"], exc_module: "billiard.exceptions" };
  const rest = { result: { value }, traceback: null, dateDone: 0, celeriac: { fence, outcome } };
  const meta = encodeTaskMeta({ id: "a", status: "FAILURE", ...rest });
  await store.commit([{ ...resultOf("a", "FAILURE", fence), meta }]);
}

const crashed = { id: "a", reason: "crashed", detail: "WorkerLostError: ended with code 3" };

it.each([
  { what: "a dead task comes again", outcome: "dead", more: again, then: { kind: "bury", letter: crashed } },
  { what: "a copy comes of a dead task", outcome: "dead", more: {}, then: { kind: "ack" } },
  { what: "one that merely failed comes again", outcome: undefined, more: again, then: { kind: "ack" } },
] as const)("who meets the end of a task makes the letter that its worker owed: $what", async (one) => {
  const apart = await openApartStore();
  await dead(apart, one.outcome);
  const stage = flowBench({ apart });
  stage.deliver({ id: "a", more: one.more });
  await settle(stage);
  expect([stage.calls, stage.settled]).toMatchObject([[], [{ then: one.then }]]);
});

it("keeps its own letter where its own end was stored by a try that got no answer", async () => {
  const apart = await openApartStore();
  let tries = 0;
  const commit: ResultStore["commit"] = async (batch) => {
    const answers = await apart.store.commit(batch);
    if (++tries === 1) throw new Error("the answer was lost");
    return answers;
  };
  const store: ResultStore = new Proxy(apart.store, {
    get: (target, name) => (name === "commit" ? commit : (Reflect.get(target, name) as never)),
  });
  const stage = flowBench({ apart: { ...apart, store }, task: { crashes: 1 } });
  stage.deliver({ id: "a" });
  await settle(stage);
  const [run] = stage.calls;
  run?.end(died(run.call, "sure"));
  await settle(stage);
  expect(tries).toBe(2);
  expect(stage.settled.map(({ then }) => then.kind)).toEqual(["bury"]);
  expect(stage.settled[0]).toMatchObject({
    then: { letter: { reason: "crashed" } },
    record: { exit: { signal: "SIGKILL" } },
  });
});

it("reads why a task was given up from whatever lies in its place", () => {
  expect(givenUp({ exc_type: "ValueError", exc_message: ["no", 7, "way"] })).toEqual({
    reason: "exhausted",
    detail: "ValueError: no, way",
  });
  expect(givenUp({ exc_type: "Reject", exc_message: "because" })).toEqual({
    reason: "rejected",
    detail: "Reject: because",
  });
  for (const odd of [null, "text", 5, {}, { exc_type: "constructor" }]) expect(givenUp(odd).reason).toBe("exhausted");
});
