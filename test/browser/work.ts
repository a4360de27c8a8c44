/** The work of the world: what stands around, and what comes in rounds. */

import { coreOf } from "../../src/app/app.ts";
import { chain, chord } from "../../src/index.ts";
import { eventMessage } from "../../src/wire/event.ts";
import { app } from "./app.ts";
import { announce, archive, charge, native, poll, publish, report, resize, send } from "./tasks.ts";

const images = (count: number, album: number) =>
  Array.from({ length: count }, (_, index) =>
    resize.si({ file: `album-${String(album)}/${String(index)}.jpg`, width: 800 }),
  );

/** Tells of what was sent, as Celery's senders do with `task_send_sent_event`: who looks sees what waits, too. */
async function tell(
  sent: readonly {
    readonly id: string;
    readonly task: string;
    readonly queue: string;
    readonly kwargs: object;
    readonly eta?: Date;
  }[],
): Promise<void> {
  const { bus } = await coreOf(app).connect();
  const events = sent.map(({ id, task, queue, kwargs, eta }, clock) => ({
    type: "task-sent",
    timestamp: Date.now() / 1000,
    hostname: "gen1@web",
    utcoffset: 0,
    pid: process.pid,
    clock,
    uuid: id,
    root_id: id,
    name: task,
    args: "()",
    kwargs: JSON.stringify(kwargs),
    queue,
    routing_key: queue,
    exchange: "",
    retries: 0,
    eta: eta?.toISOString() ?? null,
    expires: null,
  }));
  await bus.publish({ kind: "event", type: "task.multi" }, eventMessage(events));
}

/** Delayed tasks, a paused queue, a queue without workers, dead letters, workflows, long reports. */
export async function standing(): Promise<void> {
  await app.queues.pause("backfill");
  const sent: Parameters<typeof tell>[0][number][] = [];
  for (let year = 2010; year < 2022; year++) {
    const { id } = await archive.delay({ year });
    sent.push({ id, task: archive.name, queue: "exports", kwargs: { year } });
  }
  for (let width = 0; width < 25; width++) {
    const kwargs = { file: `backfill/${String(width)}.jpg`, width: 100 + width };
    const { id } = await resize.enqueue(kwargs, { queue: "backfill" });
    sent.push({ id, task: resize.name, queue: "backfill", kwargs });
  }
  for (let minutes = 1; minutes <= 30; minutes++) {
    const kwargs = { to: `later-${String(minutes)}@shop.example`, subject: "Your order" };
    const { id } = await send.enqueue(kwargs, { delay: minutes * 60_000 });
    sent.push({ id, task: send.name, queue: "mail", kwargs, eta: new Date(Date.now() + minutes * 60_000) });
  }
  await tell(sent);
  for (let crash = 0; crash < 3; crash++) await native.delay({ file: `raw-${String(crash)}.cr3`, width: 6000 });
  await report.delay({ month: "October", pages: 600 });
  await report.delay({ month: "September", pages: 5 });
  await app.delay(chain(chord(images(60, 1), publish.s()), announce.s()));
  await app.delay(chain(chord(images(8, 2), publish.s()), announce.s()));
  await app.delay(chain(charge.si({ order: 9, cents: 4_900 }), send.si({ to: "ann@shop.example", subject: "Paid" })));
}

export async function ordinary(round: number): Promise<void> {
  for (let index = 0; index < 4; index++)
    await resize.delay({ file: `upload-${String(round)}-${String(index)}.jpg`, width: 400 });
  await send.delay({ to: `customer-${String(round)}@shop.example`, subject: `Order ${String(round)} is on its way` });
  await charge.delay({ order: round, cents: 100 + round });
  if (round % 8 === 0) await poll.delay({ feed: `https://feed-${String(round)}.example/rss` });
  if (round % 20 === 10) await app.delay(chain(chord(images(6, round), publish.s()), announce.s()));
}
