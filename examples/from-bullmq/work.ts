/** The work itself, which knows no queue: it is the same file before and after. */

import { appendFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

export interface Order {
  readonly order: number;
  readonly items: readonly { readonly name: string; readonly cents: number }[];
  /** What happens with it: the bank answers at the third try, or never will; or it takes a while after the first item. */
  readonly trouble?: "busy" | "refused" | "slow";
  /** Where each run is noted. */
  readonly journal: string;
}

export interface Invoice {
  readonly order: number;
  readonly cents: number;
}

/** The bank says no, and will say no again. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** `attempt` from 1; `told` hears of each item. */
export async function makeInvoice(
  { order, items, trouble, journal }: Order,
  attempt: number,
  told: (done: number, of: number) => void,
): Promise<Invoice> {
  await appendFile(journal, `${JSON.stringify({ order, attempt, at: Date.now() })}\n`);
  if (trouble === "refused") throw new Refused(`the bank refuses order ${String(order)}`);
  if (trouble === "busy" && attempt < 3) throw new Error("the bank is busy");
  let cents = 0;
  for (const [index, item] of items.entries()) {
    cents += item.cents;
    told(index + 1, items.length);
    if (trouble === "slow" && index === 0) await sleep(700);
  }
  return { order, cents };
}
