/** `task-sent`, as Celery's clients tell it of each call that the broker has accepted; in lists, because a client may send thousands. */

import type { SentTeller } from "../app/sent-events.ts";
import type { Clock } from "../clock/clock.ts";
import type { Outgoing } from "../port/broker.ts";
import type { Bus } from "../port/bus.ts";
import { openBody } from "../wire/content.ts";
import { splitTaskBody } from "../wire/task-body.ts";
import { readTaskHeaders } from "../wire/task-message.ts";
import { formatTimestamp } from "../wire/timestamp.ts";
import { Attention } from "./attention.ts";
import { Emitter } from "./emitter.ts";
import { shownCall } from "./exposure.ts";
import { LamportClock } from "./lamport.ts";
import { withPlanned } from "./planned.ts";

/** A larger call is told without its arguments: nobody unpacks it for that. */
const mostOpened = 64 * 1024;

/** `hostname`: the client's name, `gen<pid>@host`. */
export function tellerOf(bus: Bus, clock: Clock, mode: true | "auto", hostname: string): SentTeller {
  const attention = new Attention(bus, clock, mode, "task.multi");
  const emitter = new Emitter({ bus, clock, lamport: new LamportClock(), hostname, pid: process.pid });
  return {
    tell(accepted) {
      if (!attention.on) return;
      for (const { queue, message } of accepted) {
        const fields = sentFields(queue, message);
        if (fields !== undefined) emitter.queue("task-sent", fields);
      }
    },
    drain: () => emitter.drain(),
  };
}

function sentFields(queue: string, message: Outgoing["message"]): Readonly<Record<string, unknown>> | undefined {
  try {
    const headers = readTaskHeaders(message);
    const { id, task, shadow, rootId, parentId = null, retries, eta, expires, group } = headers;
    const { call, embed } = splitTaskBody(openBody(message, headers.compression, mostOpened));
    const fields = {
      uuid: id,
      root_id: rootId,
      parent_id: parentId,
      name: shadow ?? task,
      ...shownCall(message.headers, call),
      retries,
      eta: eta === undefined ? null : formatTimestamp(eta),
      expires: expires === undefined ? null : formatTimestamp(expires),
      queue,
      exchange: "",
      routing_key: queue,
      group,
    };
    return withPlanned(fields, headers, embed);
  } catch {
    return undefined; // too large to be told of, or no task at all
  }
}
