/**
 * A worker whose results live apart from its queue, as any worker is whose broker and store are two servers: it stores the
 * result first, and dies before it sends what follows and acknowledges. Whoever gets the task next must send what follows.
 */

import { coreOf } from "../../src/app/app.ts";
import type { Delivery } from "../../src/port/broker.ts";
import { encodeTaskMeta } from "../../src/wire/outcome.ts";
import { decodeCall, splitTaskBody } from "../../src/wire/task-body.ts";
import { after, app, work } from "./app.ts";
import { Journal } from "./journal.ts";
import { trueTime } from "./true-time.ts";

const patience = 4000;
/** Time for this worker to stand idle at the queue, so that it is among the first to be woken. */
const settling = 150;
/** More than the slots of the three other workers, which are woken first on Redis: of twelve, one in six came here, of so many two in three. */
const offers = 40;
const journal = new Journal(process.env["CHAOS_JOURNAL"] ?? "/dev/null");
// A server that is away just then is a fault of its own: this one has not happened, and says nothing.
const backend = await coreOf(app)
  .connect()
  .catch(() => process.exit(0));

const consumer = await backend.broker.consume(
  {
    queues: ["celery"],
    worker: `two-port/${String(process.pid)}`,
    lease: Number(process.env["CHAOS_LEASE"]),
    maxClaimBytes: 1 << 20,
    userCodeHere: false,
    stallLimit: 60_000,
    sweep: Number(process.env["CHAOS_SWEEP"]),
  },
  (batch) => batch.forEach((delivery) => void handle(delivery)),
);
consumer.want(4, 4);
setTimeout(() => void leave(), patience);
setTimeout(() => void offer(), settling);

let found = false;

async function handle(delivery: Delivery): Promise<void> {
  if ("malformed" in delivery.message || found || delivery.redelivered) return giveBack(delivery);
  const { id } = delivery.message.headers;
  const [input] = [decodeCall(splitTaskBody(delivery.message.body).call).kwargs];
  if (typeof id !== "string" || input["kind"] !== "linked") return giveBack(delivery);
  found = true;
  consumer.started([delivery], "suspect");
  const line = { id, kind: "linked", attempt: 1, fence: delivery.fence, pid: process.pid, worker: process.pid };
  journal.add({ k: "start", t: trueTime(), ...line });
  journal.add({ k: "end", t: trueTime(), ...line });
  const meta = encodeTaskMeta({
    id,
    status: "SUCCESS",
    result: { value: { by: process.pid, fence: delivery.fence, token: "two-port" } },
    traceback: null,
    dateDone: Date.now(),
    celeriac: { fence: delivery.fence },
  });
  await backend.store.commit([{ id, state: "SUCCESS", final: true, fence: delivery.fence, meta, ttl: 86_400_000 }]);
  process.stdout.write("stored\n");
  process.kill(process.pid, "SIGKILL");
}

/** Tasks with a callback, of which at least one should be claimed here. */
async function offer(): Promise<void> {
  await Promise.all(
    Array.from({ length: offers }, async (_, index) => {
      const id = `half-${String(process.pid)}-${String(index)}`;
      // Written first: this process may be gone before it can say that the broker took it.
      journal.add({ k: "unclear", t: trueTime(), id, kind: "linked" });
      await work.enqueue(
        { kind: "linked", size: 0.5, lease: 0 },
        { id, link: after.s({ of: id }).set({ id: `${id}-after` }) },
      );
      journal.add({ k: "accepted", t: trueTime(), id, kind: "linked" });
    }),
  ).catch(() => {
    // The server is away: this strike hits nothing.
  });
}

async function giveBack(delivery: Delivery): Promise<void> {
  await consumer.settle([{ delivery, then: { kind: "requeue", at: "front" } }]);
}

async function leave(): Promise<void> {
  await app.close();
  process.exit(0);
}
