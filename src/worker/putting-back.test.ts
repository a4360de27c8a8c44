/** What goes back says which start it can have been left behind by: its broker may hold it twice. */

import { setImmediate as turn } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import type { Delivery, Settlement } from "../port/broker.ts";
import type { Ledger, Start } from "../port/ledger.ts";
import type { ResultStore } from "../port/result-store.ts";
import { resolveRate } from "../task/rate.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { makeTaskMessage } from "../wire/task-message.ts";
import { openApartStore } from "./fixtures/apart-store.ts";
import { type Bench, type BenchOptions, flowBench } from "./fixtures/flow-bench.ts";

let clock: VirtualClock;
let store: ResultStore;
let ledger: Ledger;

beforeEach(async () => {
  ({ clock, store, ledger } = await openApartStore());
});

const bench = (options: BenchOptions): Bench => flowBench({ ...options, apart: { store, clock } });

async function turns(stage: Bench): Promise<void> {
  for (let n = 0; n < 6; n++) await turn();
  // A message that comes again is looked at after a moment.
  await stage.clock.advance(400);
  for (let n = 0; n < 6; n++) await turn();
}

/** Given out anew, of a holder that had it under this name. */
const came: Partial<Delivery> & Pick<Start, "redelivered"> = { redelivered: true, name: "m", formerly: ["m"] };

function startOf(id: string, rest: Partial<Start> = {}): Start {
  const nonce = crypto.randomUUID();
  return { id, attempt: 1, messageId: "m", redelivered: false, worker: "other", blame: "suspect", nonce, ...rest };
}

async function begin(id: string, rest?: Partial<Start>): Promise<number> {
  const [begun] = await ledger.begin([startOf(id, rest)]);
  if (begun?.kind !== "go") throw new Error(`${id} did not begin`);
  return begun.fence;
}

function beganOf({ then }: Settlement): number | undefined {
  if (then.kind !== "requeue") throw new Error(`it did not go back: ${then.kind}`);
  return then.began;
}

describe("what goes back to a broker that may hold it twice", () => {
  // RabbitMQ gave its message to another while this worker stood still; what this one put back ran beside the run of the other.
  it("is not begun beside a later start of the message that it came from", async () => {
    const stage = bench({ slots: 2 });
    let first = 0;
    for (const id of ["a", "b", "c", "d"]) {
      first = await begin(id);
      stage.deliver({ id, more: came });
    }
    await turns(stage);
    const [put] = stage.settled;
    if (put === undefined) throw new Error("as many suspects as slots wait before the last");
    expect(beganOf(put), "it had been begun here, until it had to wait").toBeGreaterThan(first);
    await begin("d", came);
    const copy = startOf("d", { redelivered: true, name: "copy", formerly: [`:${String(beganOf(put))}`] });
    expect(await ledger.begin([copy])).toEqual([{ kind: "stale" }]);
  });

  const rated = { task: { rate: resolveRate("1/h", "test") } };

  it("says so of what stood in the ledger while it was held, and stays where it is held no more", async () => {
    const stage = bench(rated);
    stage.deliver({ id: "first" });
    await turns(stage);
    const fence = await begin("a");
    stage.deliver({ id: "a", more: came });
    await turns(stage);
    expect(stage.settled.map(beganOf)).toEqual([fence]);
    stage.holds = (deliveries) => deliveries.map(() => false);
    await begin("b");
    stage.deliver({ id: "b", more: came });
    await turns(stage);
    expect(stage.settled).toHaveLength(1);
    expect(stage.events.at(-1)).toMatchObject({ type: "task:lost" });
  });

  it("goes as it came where nothing of it had begun, or where it is another message's run", async () => {
    const stage = bench(rated);
    stage.deliver({ id: "first" });
    await turns(stage);
    await begin("c", { name: "other" });
    stage.deliver({ id: "a" }, { id: "c", more: came });
    await turns(stage);
    expect(stage.settled.map(beganOf)).toEqual([undefined, undefined]);
    stage.deliver({ id: "b", more: came });
    await turns(stage);
    expect(beganOf(stage.settled[2] as Settlement), "it came again").toBe(0);
  });

  // Under its new name it was taken for a second message of the run that had died, and dropped.
  it("is still what the ledger gave back of a dead run when it had to wait for its turn", async () => {
    const stage = bench(rated);
    stage.deliver({ id: "first" });
    await turns(stage);
    const fence = await begin("a");
    await ledger.take([{ id: "a", fence, queue: "celery", raw: new Uint8Array() }], 1000);
    await clock.advance(2000);
    const [given] = await ledger.expired(1000, 10);
    const message = makeTaskMessage({ task: "t.task", id: "a", args: [], kwargs: {} });
    const named = { ...message, properties: { ...message.properties, messageId: given?.messageId ?? "" } };
    stage.deliver({ id: "a", more: { message: named } });
    await ledger.release([{ id: "a", fence }]);
    await turns(stage);
    expect(stage.settled.map(beganOf)).toEqual([fence]);
    const copy = startOf("a", { redelivered: true, formerly: [`:${String(fence)}`] });
    expect(await ledger.begin([copy])).toMatchObject([{ kind: "go", suspicions: 1 }]);
  });
});
