/** What each server does with an order. Nothing here knows a framework. */

import { appendFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { BackgroundTasks } from "celeriac/next";
import { type Order, packOrder, sendReceipt } from "./tasks.ts";

/** Ids of the two tasks of an order. */
export interface Taken {
  readonly id: string;
  readonly receipt: string;
}

/** `undefined`: it is none, and is answered with 400. */
export function readOrder(body: unknown): Order | undefined {
  const { number, items } = (typeof body === "object" && body !== null ? body : {}) as Readonly<
    Record<string, unknown>
  >;
  if (typeof number !== "number" || !Number.isSafeInteger(number)) return undefined;
  if (typeof items !== "number" || !Number.isInteger(items) || items < 1 || items > 100) return undefined;
  return { number, items };
}

export async function takeOrder(order: Order, background: BackgroundTasks): Promise<Taken> {
  const packing = await packOrder.delay(order);
  background.add(writeIntoJournal, order.number);
  // Last: it is sent at once, also if something after it failed.
  const receipt = await background.durable(sendReceipt, order);
  return { id: packing.id, receipt: receipt.id };
}

/** Light, and nobody's loss: after the response. The pause stands for a slow disk, and shows that a closing server waits for it. */
async function writeIntoJournal(number: number): Promise<void> {
  await sleep(200);
  await appendFile(process.env["JOURNAL"] ?? "journal.txt", `${String(number)}\n`);
}
