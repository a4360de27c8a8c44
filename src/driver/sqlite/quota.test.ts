/** A file with `?maxSize`: what it refuses when it is full, and that everything that empties it goes on. */

import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { afterEach, describe, expect, it } from "vitest";

import { systemClock } from "../../clock/clock.ts";
import type { Delivery, Published, Settlement } from "../../port/broker.ts";
import { Bench, consuming, idOf, never, outgoing, until } from "./fixtures/harness.ts";
import { optionsFor } from "./fixtures/order.ts";
import { within } from "./index.ts";
import type { SqliteBackend } from "./index.ts";

const bench = new Bench();
afterEach(() => bench.clear());

const maxSize = 2 * 1024 * 1024;
const accepted: Published = { kind: "accepted" };
const full = { kind: "refused", reason: "full", detail: expect.stringContaining(`${maxSize} bytes of its maxSize`) };
const large = JSON.stringify([["x".repeat(30_000)], {}, {}]);
const small = JSON.stringify([["x".repeat(500)], {}, {}]);

async function publishOne(backend: SqliteBackend, id: string, body: string = large): Promise<Published | undefined> {
  return (await backend.broker.publish([outgoing("q", id, body)], never))[0];
}

/** Until not even a small one is taken. Returns the ids that were accepted. */
async function fill(backend: SqliteBackend): Promise<string[]> {
  const ids: string[] = [];
  for (const body of [large, small]) {
    for (let no = 0; no < 10_000; no++) {
      const id = `${body.length}-${no}`;
      const answer = await publishOne(backend, id, body);
      if (answer?.kind === "refused") break;
      expect(answer).toEqual(accepted);
      ids.push(id);
    }
  }
  return ids;
}

function settlement(delivery: Delivery, then: Settlement["then"], more: Partial<Settlement> = {}): Settlement {
  return { delivery, then, ...more };
}

const success = (delivery: Delivery): Pick<Settlement, "result"> => ({
  result: {
    id: idOf(delivery),
    state: "SUCCESS",
    final: true,
    fence: delivery.fence,
    meta: Buffer.from("{}"),
    ttl: undefined,
  },
});

describe.each(["true", "false"])("a file that is in use up to its maxSize (thread=%s)", (thread) => {
  // Without an fsync a message: filling a file is what takes the time here.
  const query = `?maxSize=2mb&durability=process&thread=${thread}`;

  it("refuses new messages, goes on with what is there until it is drained, and accepts again", async () => {
    const path = bench.file();
    const backend = await bench.open(path, query);
    const ids = await fill(backend);
    expect(ids.length).toBeGreaterThan(40);
    const other = await bench.open(path, query);
    expect(await publishOne(other, "late", large)).toEqual(full);

    const held: Delivery[] = [];
    const consumer = await backend.broker.consume({ ...consuming, queues: ["q"] }, (batch) => void held.push(...batch));
    consumer.want(ids.length, ids.length);
    await until("all to be claimed", () => held.length === ids.length);
    const [first, second, third, ...rest] = held;
    if (first === undefined || second === undefined || third === undefined) throw new Error("too few");
    // What adds to the file without being new work: a result of its own size, a retry, what follows a task.
    const answers = await consumer.settle([
      settlement(first, { kind: "ack" }, { ...success(first), follow: [outgoing("after", "followed", large)] }),
      settlement(second, { kind: "replace", next: outgoing("q", idOf(second), large) }),
      settlement(third, { kind: "requeue", at: "back" }),
    ]);
    expect(answers).toEqual([{ kind: "settled" }, { kind: "settled" }, { kind: "settled" }]);
    const meta = Buffer.alloc(500_000, "x");
    expect(
      await backend.store.commit([{ id: "apart", state: "SUCCESS", final: true, fence: 1, meta, ttl: undefined }]),
    ).toEqual(["stored"]);
    expect(await publishOne(backend, "still-late", large)).toEqual(full);

    const ends = await consumer.settle(rest.map((each) => settlement(each, { kind: "ack" }, success(each))));
    expect(ends).toEqual(rest.map(() => ({ kind: "settled" })));
    expect(await publishOne(backend, "in-time")).toEqual(accepted);
    expect(await publishOne(other, "late")).toEqual(accepted);
  });

  it("never lets new messages make it larger than that", async () => {
    const path = bench.file();
    const backend = await bench.open(path, query);
    const batch = Array.from({ length: 400 }, (_, no) => outgoing("q", `${no}`, large));
    const answers = await backend.broker.publish(batch, never);
    expect(answers.filter(({ kind }) => kind === "accepted").length).toBeGreaterThan(40);
    expect(answers.filter(({ kind }) => kind === "refused").length).toBeGreaterThan(300);
    await backend.close();
    expect(statSync(path).size).toBeLessThanOrEqual(maxSize);
  });

  it("answers a repeat of what it accepted with `accepted`, and forgets the id of what it refused", async () => {
    const backend = await bench.open(bench.file(), query);
    const once = (id: string, nonce: string) => ({
      ...outgoing("q", id, large),
      dedupe: { id, nonce, window: 60_000 },
    });
    expect(await backend.broker.publish([once("a", "n1")], never)).toEqual([accepted]);
    const ids = await fill(backend);
    expect(await backend.broker.publish([once("a", "n1")], never)).toEqual([accepted]);
    expect(await backend.broker.publish([once("b", "n1")], never)).toEqual([full]);
    expect(await backend.broker.queues.purge("q", { ready: true, delayed: true })).toBe(ids.length + 1);
    expect(await backend.broker.publish([once("b", "n2")], never)).toEqual([accepted]);
  });

  it("takes no tick of a schedule, which can be fired again when there is room", async () => {
    const backend = await bench.open(bench.file(), query);
    await fill(backend);
    const term = await backend.lease.acquire("beat", "me", 60_000);
    if (term === undefined) throw new Error("no term");
    const fire = () => backend.lease.fire(term, "s", 1_000, [outgoing("q", "tick", large)]);
    await expect(fire()).rejects.toMatchObject({ code: "QUEUE_FULL", message: expect.stringContaining("maxSize") });
    await backend.broker.queues.purge("q", { ready: true, delayed: true });
    expect(await fire()).toBe("fired");
  });
});

it("a transaction of the user's own is refused as well, and keeps its rows", async () => {
  const path = bench.file();
  const backend = await bench.open(path, "?maxSize=2mb");
  await fill(backend);
  const db = new DatabaseSync(path, { timeout: 5_000 });
  db.exec("CREATE TABLE orders (id INTEGER)");
  const options = {
    ...optionsFor(`sqlite://${path}?maxSize=2mb`, systemClock),
    url: new URL(`sqlite://${path}?maxSize=2mb&embed`),
  };
  const inside = within(options, db).open();
  db.exec("BEGIN; INSERT INTO orders VALUES (1)");
  expect(inside.publish([outgoing("q", "mine", large)], [])).toEqual([full]);
  db.exec("COMMIT");
  expect(db.prepare("SELECT count(*) AS n FROM orders").get()).toEqual({ n: 1 });
  db.close();
});
