/** What the rest of the application asks of its queue, whichever it is. */

import type { Invoice, Order } from "./work.ts";

export interface Asked {
  /** An order that has been given before is not taken twice. */
  readonly id?: string;
  /** Not before so many ms. */
  readonly delay?: number;
}

export interface Shop extends AsyncDisposable {
  /** Resolves with the id when the queue has it. */
  invoice(order: Order, asked?: Asked): Promise<string>;
  invoices(orders: readonly Order[]): Promise<readonly string[]>;
  /** Resolves with what it became; rejects with why it did not. */
  result(id: string): Promise<Invoice>;
  progress(id: string): Promise<{ readonly done: number; readonly of: number } | undefined>;
}
