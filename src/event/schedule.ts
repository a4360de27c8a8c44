/** `celeriac-schedule`, told by the scheduler that leads: a tick was sent, left out, or is held up. Celery's beat tells nothing of the kind. */

import type { BeatEvent } from "../app/beat.ts";
import type { ScheduleTeller } from "../app/schedule-events.ts";
import type { Clock } from "../clock/clock.ts";
import type { Bus } from "../port/bus.ts";
import { formatTimestamp } from "../wire/timestamp.ts";
import { Attention } from "./attention.ts";
import { Emitter } from "./emitter.ts";
import { LamportClock } from "./lamport.ts";

type Fields = Readonly<Record<string, unknown>>;

/** `node`: the scheduler's name. */
export function tellerOf(bus: Bus, clock: Clock, mode: true | "auto", node: string): ScheduleTeller {
  const attention = new Attention(bus, clock, mode, "celeriac.multi");
  const emitter = new Emitter({ bus, clock, lamport: new LamportClock(), hostname: node, pid: process.pid });
  return {
    tell(event) {
      const fields = attention.on ? fieldsOf(event) : undefined;
      if (fields !== undefined) emitter.queue("celeriac-schedule", fields);
    },
    drain: () => emitter.drain(),
  };
}

function fieldsOf({ type, schedule, task, tick, id, code, text }: BeatEvent): Fields | undefined {
  if (schedule === undefined || tick === undefined) return undefined;
  const about = { schedule, task: task ?? null, tick: formatTimestamp(tick), uuid: id ?? null };
  switch (type) {
    case "schedule:sent":
      return { ...about, outcome: "sent", why: text ?? null };
    case "schedule:skipped":
      return { ...about, outcome: "skipped", why: code ?? null };
    case "schedule:waiting":
      return { ...about, outcome: "waiting", why: text ?? null };
    case "beat:warning":
      // Of too many missed ticks the last one that is left out is told as skipped.
      if (code !== "SCHEDULE_BROKEN" && code !== "SCHEDULE_REFUSED") return undefined;
      return { ...about, outcome: code === "SCHEDULE_BROKEN" ? "broken" : "refused", why: text ?? null };
    default:
      return undefined;
  }
}
