/** Broadcast: events, remote control, replies. Lossy and bounded on purpose: a slow listener never slows a task. */

import type { Message } from "../wire/message.ts";

export type Channel =
  | { readonly kind: "event"; readonly type: string } // "task.multi", "worker.heartbeat", pattern "#"
  | { readonly kind: "control"; readonly namespace: string } // broadcast to every node
  | { readonly kind: "reply"; readonly to: string }; // one inbox; created by `inbox`
export interface Bus {
  /**
   * Lossy, never blocks a task, never throws for a slow listener. Once it has resolved the body is its sender's again, who may write over it.
   */
  publish(channel: Channel, message: Message): Promise<void>;
  listen(
    channel: Channel,
    take: (channel: Channel, message: Message) => void,
    gap: (missed: number | undefined) => void,
  ): Promise<Subscription>;
  /** A private reply address that exists before the request goes out and is removed on close. */
  inbox(take: (message: Message) => void): Promise<Subscription & { readonly to: string }>;
  /** Is anybody listening? Emitters skip the work when not. May be stale by 5 s; "unknown" counts as yes. */
  audience(channel: Channel): boolean | "unknown";
  /**
   * Nobody heard what was last published there, however long ago. Only where a publish costs the server something and it says so in its
   * answer: to ask costs nothing.
   */
  unheard?(channel: Channel): boolean;
}
export interface Subscription {
  close(): Promise<void>;
}
