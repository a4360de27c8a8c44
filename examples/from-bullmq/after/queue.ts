/** The producer's side with Celeriac. No second connection for events: a result is asked for where it lies. */

import type { Shop } from "../shop.ts";
import type { Invoice } from "../work.ts";
import { app } from "./app.ts";
import { invoice } from "./tasks.ts";

export function openShop(): Shop {
  return {
    async invoice(order, { id, delay } = {}) {
      const sent = await invoice.enqueue(order, {
        ...(id !== undefined && { id }),
        ...(delay !== undefined && { delay }),
      });
      return sent.id;
    },
    async invoices(orders) {
      return (await invoice.enqueueMany(orders)).map(({ id }) => id);
    },
    result: (id) => app.result<Invoice>(id).get({ timeout: "30s" }),
    async progress(id) {
      const progress = await app.result(id).progress();
      return progress && { done: progress.done, of: progress.total ?? 0 };
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}
