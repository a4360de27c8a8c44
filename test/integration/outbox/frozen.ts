/** A relay that stands still until another has taken its rows over, and then goes on: nothing is lost, and what it publishes again is known to the broker. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { type App, createApp } from "../../../src/index.ts";
import { createOutbox } from "../../../src/outbox/index.ts";
import { WorkerProcess } from "../../server/command-line.ts";
import { clearPlace, openPlace } from "./place.ts";

/** Of the frozen relay; the other one's too. */
const batch = 10;
const patience = { timeout: 60_000, interval: 50 } as const;
const appFile = fileURLToPath(new URL("./freezing-app.ts", import.meta.url));

/** `moment`: of the publish, at which the relay stops. */
export async function takeOverFromFrozen(address: string, broker: string, moment: "before" | "after"): Promise<void> {
  const place = await openPlace(address);
  await clearPlace(place);
  await using app = createApp({ broker });
  const outbox = createOutbox(app, { dialect: place.dialect });
  const ran: number[] = [];
  const receipt = app.task("receipt", ({ order }: { order: number }) => void ran.push(order));
  const buy = (orders: readonly number[]): Promise<void> =>
    place.transaction(async (query) => {
      for (const order of orders) await outbox.add(query, receipt.si({ order }));
    });
  const waiting = async (): Promise<number> =>
    Number((await place.rows("SELECT count(*) AS n FROM celeriac_outbox"))[0]?.["n"]);
  const relay = (freeze: string): WorkerProcess =>
    new WorkerProcess(
      ["-A", appFile, "--batch", String(batch), "--poll", "20ms"],
      { OUTBOX_PLACE: address, OUTBOX_BROKER: broker, FREEZE: freeze },
      "outbox",
    );
  const orders = Array.from({ length: 2 * batch }, (_, order) => order);
  await buy(orders);

  await using frozen = relay(moment);
  const state = (): string => readFileSync(`/proc/${String(frozen.child.pid)}/status`, "latin1");
  await expect.poll(state, patience).toMatch(/^State:\s+T/m);
  await using other = relay("never");
  await expect.poll(waiting, patience).toBe(0);
  await other.stop();

  frozen.child.kill("SIGCONT");
  // It goes on with what is new.
  await buy([orders.length]);
  await expect.poll(waiting, patience).toBe(0);
  expect(await frozen.stop()).toBe(0);
  // Both have published the first ten: the broker knew them by their ids and nonces.
  expect([published(frozen), published(other)]).toEqual([batch + 1, 2 * batch]);
  expect(await queued(app)).toBe(2 * batch + 1);

  await using _worker = await app.work({ pool: "inline", concurrency: 20 });
  const last = await receipt.delay({ order: -1 });
  await last.get({ timeout: "60s" });
  await expect.poll(() => queued(app)).toBe(0);
  expect(ran.toSorted((a, b) => a - b)).toEqual([-1, ...orders, orders.length]);
  await place.close();
}

/** Messages that the broker was given by this relay. */
function published({ lines }: WorkerProcess): number {
  return lines.reduce((sum, { event, count }) => sum + (event === "published" ? Number(count) : 0), 0);
}

async function queued(app: App): Promise<number> {
  const queues = await app.queues.list();
  return queues.flatMap(({ ready }) => ready).reduce((sum, { count }) => sum + count, 0);
}
