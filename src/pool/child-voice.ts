/** What a child says in frames, handed to those whom it concerns. Words about slots that are over go nowhere. */

import type { Child } from "./child.ts";
import type { LinkEnd } from "./link.ts";
import type { KillReason, RetireReason, TaskShape } from "./pool-options.ts";
import type { PoolHooks } from "./pool.ts";
import type { FramedBack } from "./reply-frame.ts";

/** What a child tells its pool. */
export interface ChildEvents extends PoolHooks {
  ready(child: Child, tasks: readonly TaskShape[]): void;
  line(child: Child, stream: "stdout" | "stderr", text: string, slot: number | undefined): void;
  /** Before the calls it had get their outcomes. `error` is set if it never was ready. */
  ended(child: Child, end: LinkEnd, error: Error | undefined): void;
  killing(child: Child, why: KillReason): void;
  retiring(child: Child, why: RetireReason): void;
  /** It wants a successor, and goes on until that is ready. */
  expiring(child: Child): void;
  /** A call left; there may be room. */
  freed(child: Child): void;
}

const warn = 30;

export function hear(child: Child, message: FramedBack, voice: ChildEvents): void {
  switch (message.t) {
    case "began":
      child.began(message.slots);
      return;
    case "late":
      child.late(message.slots);
      return;
    case "done":
      child.done(message.replies);
      return;
    case "progress":
      for (const [slot, done, total, note] of message.items) {
        if (child.find(slot)) voice.progress(slot, done, total, note);
      }
      return;
    case "log":
      for (const [slot, level, text, fields] of message.items) {
        if (child.find(slot)) voice.log(slot, level, text, fields);
      }
      if (message.dropped > 0) {
        const slot = message.items.find((item) => child.find(item[0]))?.[0];
        if (slot !== undefined)
          voice.log(slot, warn, `${message.dropped} log lines were dropped: too many for the pipe`, null);
      }
      return;
    case "ask":
      void child.answer(message.ask, message.slot, message.what);
  }
}
