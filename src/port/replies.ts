/** Answers to one asker over the broker itself, as Celery's `rpc://` sends results: readable once, and only by whoever asked. */

import type { Message } from "../wire/message.ts";
import type { Subscription } from "./bus.ts";

export interface Replies {
  /** From now on takes what is sent to `address`, which is made if it does not exist and goes when its listener is gone. */
  listen(address: string, take: (message: Message) => void): Promise<Subscription>;
  /** Resolves when the server has them; what is sent to an address that nobody made is lost. */
  send(batch: readonly Reply[], signal: AbortSignal): Promise<void>;
}
export interface Reply {
  readonly to: string;
  readonly message: Message;
}
