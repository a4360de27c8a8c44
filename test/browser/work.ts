/** The work of the world: what stands around, and what comes in rounds. */

import { chain, chord } from "../../src/index.ts";
import { app } from "./app.ts";
import { announce, archive, charge, native, poll, publish, report, reserve, resize, send } from "./tasks.ts";

const images = (count: number, album: number) =>
  Array.from({ length: count }, (_, index) =>
    resize.si({ file: `album-${String(album)}/${String(index)}.jpg`, width: 800 }),
  );

/** Delayed tasks, a paused queue, a queue without workers, dead letters, workflows, long reports. */
export async function standing(): Promise<void> {
  await app.queues.pause("backfill");
  for (let year = 2010; year < 2022; year++) await archive.delay({ year });
  for (let width = 0; width < 25; width++)
    await resize.enqueue({ file: `backfill/${String(width)}.jpg`, width: 100 + width }, { queue: "backfill" });
  for (let minutes = 1; minutes <= 30; minutes++)
    await send.enqueue(
      { to: `later-${String(minutes)}@shop.example`, subject: "Your order" },
      { delay: minutes * 60_000 },
    );
  for (let crash = 0; crash < 3; crash++) await native.delay({ file: `raw-${String(crash)}.cr3`, width: 6000 });
  await report.delay({ month: "October", pages: 600 });
  await report.delay({ month: "September", pages: 5 });
  await app.delay(chain(chord(images(60, 1), publish.s()), announce.s()));
  await app.delay(chain(chord(images(8, 2), publish.s()), announce.s()));
  await app.delay(chain(charge.si({ order: 9, cents: 4_900 }), send.si({ to: "ann@shop.example", subject: "Paid" })));
}

/** Of one round of the bench. */
const burst = 60;
/** Messages that may wait of it: a machine that is slower than the bench is not drowned in them. */
const mostWaiting = 600;
let items = 0;

/** Many at once, where the last ones have been taken. */
export async function busy(): Promise<void> {
  const stock = (await app.queues.list()).find(({ name }) => name === "stock");
  const waiting = stock?.ready.reduce((sum, { count }) => sum + count, 0) ?? 0;
  if (waiting < mostWaiting) await reserve.enqueueMany(Array.from({ length: burst }, () => ({ item: ++items })));
}

export async function ordinary(round: number): Promise<void> {
  for (let index = 0; index < 4; index++)
    await resize.delay({ file: `upload-${String(round)}-${String(index)}.jpg`, width: 400 });
  await send.delay({ to: `customer-${String(round)}@shop.example`, subject: `Order ${String(round)} is on its way` });
  await charge.delay({ order: round, cents: 100 + round });
  if (round % 8 === 0) await poll.delay({ feed: `https://feed-${String(round)}.example/rss` });
  if (round % 20 === 10) await app.delay(chain(chord(images(6, round), publish.s()), announce.s()));
}
