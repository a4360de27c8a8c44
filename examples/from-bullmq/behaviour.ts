/** The one test for both: it asks a shop for everything that an application relies on, and writes down what it saw. */

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Shop } from "./shop.ts";
import type { Order } from "./work.ts";

export interface Seen {
  readonly result: unknown;
  readonly many: number;
  readonly runsOfBusy: number;
  readonly resultOfBusy: unknown;
  readonly runsOfRefused: number;
  readonly refusal: string;
  /** Runs of an order that was given twice under one id. */
  readonly runsOfTwice: number;
  readonly delayKept: boolean;
  readonly progress: unknown;
}

interface Run {
  readonly order: number;
  readonly attempt: number;
  readonly at: number;
}

/** What both must show. */
export const expected: Seen = {
  result: { order: 1, cents: 590 },
  many: 100,
  runsOfBusy: 3,
  resultOfBusy: { order: 2, cents: 590 },
  runsOfRefused: 1,
  refusal: "the bank refuses order 3",
  runsOfTwice: 1,
  delayKept: true,
  progress: { done: 1, of: 2 },
};

const delay = 400;

export async function behave(shop: Shop, journal: string, signal: AbortSignal): Promise<Seen> {
  const order = (number: number, more: Partial<Order> = {}): Order => ({
    order: number,
    items: [
      { name: "celeriac", cents: 240 },
      { name: "butter", cents: 350 },
    ],
    journal,
    ...more,
  });
  const runs = async (number: number): Promise<readonly Run[]> =>
    (await readFile(journal, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Run)
      .filter((run) => run.order === number);

  const result = await shop.result(await shop.invoice(order(1)));
  const busy = await shop.invoice(order(2, { trouble: "busy" }));
  const refused = await shop.invoice(order(3, { trouble: "refused" }));
  const twice = await shop.invoice(order(4), { id: "order-4" });
  await shop.invoice(order(4), { id: "order-4" });
  const sentAt = Date.now();
  const late = await shop.invoice(order(5), { delay });
  const many = await shop.invoices(Array.from({ length: 100 }, (_, n) => order(100 + n)));
  const invoices = await Promise.all(many.map((id) => shop.result(id)));
  const resultOfBusy = await shop.result(busy);
  const refusal = await shop.result(refused).then(
    () => "none",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  await shop.result(twice);
  await shop.result(late);
  const [lateRun] = await runs(5);
  const slow = await shop.invoice(order(6, { trouble: "slow" }));
  const progress = await progressOf(shop, slow, signal);
  await shop.result(slow);
  return {
    result,
    many: new Set(invoices.map((invoice) => invoice.order)).size,
    runsOfBusy: (await runs(2)).length,
    resultOfBusy,
    runsOfRefused: (await runs(3)).length,
    refusal: /the bank refuses order \d+/.exec(refusal)?.[0] ?? refusal,
    runsOfTwice: (await runs(4)).length,
    delayKept: (lateRun?.at ?? 0) >= sentAt + delay,
    progress,
  };
}

/** The first that it tells. */
async function progressOf(shop: Shop, id: string, signal: AbortSignal): Promise<unknown> {
  for (let look = 0; look < 500; look++) {
    const progress = await shop.progress(id);
    if (progress !== undefined) return progress;
    await sleep(10, undefined, { signal });
  }
  return undefined;
}
