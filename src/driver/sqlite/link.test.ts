/** What a worker is told of its claims, after a pause in which it lost some of them and got them again. */

import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { systemClock } from "../../clock/clock.ts";
import { SqliteConsumer } from "./consumer.ts";
import { HeldDelivery } from "./delivery.ts";
import { claimedWidth } from "./exchange.ts";
import type { Claimed, Notice } from "./exchange.ts";
import { Link } from "./link.ts";

function claim(fence: number): Claimed {
  const numbers = new Float64Array(claimedWidth);
  numbers.set([7]);
  return { consumer: 1, fence, at: 0, queues: ["q"], numbers, heads: "", bytes: new Uint8Array(0) };
}

const unopened = (): Link =>
  new Link(
    { path: "none", embed: false, durability: "power", maxDepth: 1, maxSize: 0, busyLimit: 1 },
    false,
    systemClock,
  );
const lost: Notice = { n: "lost", consumer: 1, held: [[7, 1]], why: "it could not be renewed in time" };

it("hears in their order what it has lost and what it has got since, though the first came with an answer", async () => {
  const link = unopened();
  const heard: string[] = [];
  const nothing = (): void => {};
  link.addTaker({
    claimed: ({ claimed }) => void heard.push(`claimed ${String(claimed.fence)}`),
    lost: () => void heard.push("lost"),
    state: nothing,
    heard: nothing,
    event: nothing,
    ended: nothing,
  });
  link.take({ plain: [1], done: [], failed: [], notices: [lost] });
  link.take({ plain: [], done: [], failed: [], notices: [{ n: "claimed", claimed: claim(2) }] });
  expect(heard).toEqual([]);
  await turn();
  link.take({ plain: [], done: [], failed: [], notices: [lost] });
  expect(heard).toEqual(["lost", "claimed 2", "lost"]);
});

it("keeps a later claim of a message whose former claim it is told to have lost", () => {
  const consumer = new SqliteConsumer(
    1,
    unopened(),
    false,
    () => {},
    () => {},
  );
  const [former, later] = [1, 2].map((fence) => new HeldDelivery(claim(fence), 0, "", new Uint8Array(0)));
  if (!former || !later) throw new Error("unreachable");
  consumer.deliver([former]);
  consumer.deliver([later]);
  expect(former.lost.aborted).toBe(true);
  consumer.lose([[7, 1]], "late");
  expect(later.lost.aborted).toBe(false);
  consumer.lose([[7, 2]], "late");
  expect(later.lost.aborted).toBe(true);
});
