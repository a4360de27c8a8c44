/** Delay: held by the broker, not by whoever published, and handed out in the order in which it comes due. */

import { expect, it } from "vitest";
import type { Broker, Delivery } from "../../port/broker.ts";
import { hasWaited } from "../../wire/waited.ts";
import { idOf, makeMessage, never, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

/** Apart enough that a driver which rounds to its resolution still tells two moments apart. */
function step(broker: Broker): number {
  return Math.max(100, 2 * (broker.features.delay?.resolution ?? 0));
}

/** How long what is due after so many steps may take: each may be rounded up. */
function longest(broker: Broker, steps: number): number {
  return steps * (step(broker) + (broker.features.delay?.resolution ?? 0)) + 30_000;
}

/** Time enough for a case to be done with what comes before, also where it has to wait for its turn. */
function distant(broker: Broker, steps: number): number {
  return Math.max(3_000, steps * step(broker));
}

export function delayCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("holds a message until it is due, though its producer is gone", async ({ skip }) => {
    const rig = use();
    const [producer, client] = [await rig.client(), await rig.client()];
    skip(client.broker.features.delay === undefined, "the broker cannot delay");
    const queue = rig.name("due");
    const due = rig.server.now() + distant(client.broker, 4);
    await rig.publishOne(producer, rig.outgoing(queue, { id: "later" }, { due }));
    await rig.publishOne(producer, rig.outgoing(queue, { id: "now" }));
    await producer.close();
    const tray = await rig.consume(client, [queue], 5);
    expect(idOf(await tray.one())).toBe("now");
    const later = await tray.one(longest(client.broker, 4));
    expect(idOf(later)).toBe("later");
    // One ms for servers that count in fractions of a second.
    expect(later.claimedAt + 1).toBeGreaterThanOrEqual(due);
    expect(later.redelivered).toBe(false);
    await tray.ack(tray.all);
  });

  it("hands out in the order of being due", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.delay === undefined, "the broker cannot delay");
    const queue = rig.name("due-order");
    const now = rig.server.now();
    const apart = step(client.broker);
    const batch = [5, 2, 4, 3].map((n) => rig.outgoing(queue, { id: `due${n}` }, { due: now + n * apart }));
    await client.broker.publish(batch, never);
    const tray = await rig.consume(client, [queue], 10);
    expect((await tray.take(4, longest(client.broker, 5))).map(idOf)).toEqual(["due2", "due3", "due4", "due5"]);
    await tray.ack(tray.all);
  });

  // A worker that judged it by its own clock would put it back for as long as another's clock is ahead.
  it("says of what it kept back that it is due, and goes on to say so when it is sent anew", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.clock === "server", "one clock judges all");
    const queue = rig.name("waited");
    const eta = new Date(rig.server.now() + 3_600_000).toISOString();
    const due = rig.server.now() + distant(client.broker, 1);
    const message = (id: string) => ({ ...makeMessage({ id }), headers: { ...makeMessage({ id }).headers, eta } });
    await rig.publishOne(client, { queue, message: message("kept"), due });
    await rig.publishOne(client, { queue, message: message("not-kept") });
    // What is sent again only when it is due was not kept, and is due all the same.
    await rig.publishOne(client, { queue, message: message("late"), due: rig.server.now() - 1 });
    const tray = await rig.consume(client, [queue], 5);
    const says = ({ message }: Delivery): boolean => !("malformed" in message) && hasWaited(message);
    expect((await tray.take(2)).map((each) => [idOf(each), says(each)])).toEqual([
      ["not-kept", false],
      ["late", true],
    ]);
    const kept = await tray.one(longest(client.broker, 1));
    expect(says(kept)).toBe(true);
    await tray.consumer.settle([{ delivery: kept, then: { kind: "requeue", at: "back", suspicions: 1 } }]);
    const anew = await tray.one();
    expect([idOf(anew), anew.suspicions, says(anew)]).toEqual(["kept", 1, true]);
    await tray.ack(tray.all.filter((delivery) => delivery !== kept));
  });

  it("takes a moment that has passed as now", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("past");
    await rig.publishOne(client, rig.outgoing(queue, { id: "past" }, { due: rig.server.now() - 60_000 }));
    expect(idOf(await (await rig.consume(client, [queue], 1)).one(1_500))).toBe("past");
  });

  it("dedupes a delayed publish as any other", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.delay === undefined, "the broker cannot delay");
    skip(client.broker.features.dedupe !== "publish", "the broker does not dedupe");
    const queue = rig.name("due-dedupe");
    const id = rig.name("id");
    const due = rig.server.now() + step(client.broker);
    const make = (nonce: string) => rig.outgoing(queue, { id }, { due, dedupe: { id, nonce, window: 60_000 } });
    const answers = await client.broker.publish([make("n1"), make("n1"), make("n2")], never);
    expect(answers.map((answer) => answer.kind)).toEqual(["accepted", "accepted", "duplicate"]);
    const tray = await rig.consume(client, [queue], 5);
    await tray.one();
    await tray.quiet();
  });

  it("delays a retry and a requeue", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.delay === undefined, "the broker cannot delay");
    const queue = rig.name("due-again");
    await rig.send(client, queue, ["retry", "requeue"]);
    const tray = await rig.consume(client, [queue], 2);
    const [retried, requeued] = await tray.take(2);
    if (retried === undefined || requeued === undefined) throw new Error("two were sent");
    const due = rig.server.now() + distant(client.broker, 3);
    const next = rig.outgoing(queue, { id: "retry" }, { due });
    const answers = await tray.consumer.settle([
      { delivery: retried, then: { kind: "replace", next } },
      { delivery: requeued, then: { kind: "requeue", at: "back", due: due + step(client.broker) } },
    ]);
    expect(answers).toEqual([{ kind: "settled" }, { kind: "settled" }]);
    await tray.quiet(step(client.broker));
    const again = await tray.take(2, longest(client.broker, 4));
    expect(again.map(idOf)).toEqual(["retry", "requeue"]);
    expect(again[0]?.claimedAt).toBeGreaterThanOrEqual(due - 1);
    expect(again[1]?.claimedAt).toBeGreaterThanOrEqual(due - 1 + step(client.broker));
    await tray.ack(again);
  });
}
