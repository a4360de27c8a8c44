/** Stands for `after` of "next/server", which is not installed here: work that runs when the response is closed. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { EventEmitter } from "node:events";

/** The response of the request that is being answered. */
export const responses = new AsyncLocalStorage<EventEmitter>();

export function after(work: () => Promise<void>): void {
  const response = responses.getStore();
  if (response === undefined) throw new Error("after() was called outside of a request");
  response.once("close", () => void work());
}
