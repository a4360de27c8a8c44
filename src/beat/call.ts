/** From a stored call to what one tick sends, and where its outcome will lie. Every id follows from the tick, so that whoever asks gets the same. */

import type { AsyncResult } from "../app/async-result.ts";
import { StoredResult } from "../app/async-result.ts";
import type { AppCore } from "../app/core.ts";
import type { Prepared } from "../app/launch.ts";
import type { NewId } from "../canvas/freeze.ts";
import type { ResultNode } from "../canvas/result-node.ts";
import type { Outgoing } from "../port/broker.ts";
import type { FiredTick } from "../port/lease.ts";
import { type Entry, tickId } from "./entry.ts";

/** What is sent, and in which way: the part of an entry that does not say when. */
export type Sendable = Pick<Entry, "signature" | "sending">;

/** A second publish of an id is a duplicate for so long, ms: a tick that was sent in two steps may be sent again much later. */
const window = 86_400_000;

export type Call = Pick<Prepared, "sends" | "joins" | "result">;

/** Throws what makes a message impossible: NOT_SERIALIZABLE, MESSAGE_TOO_LARGE… */
export function callOf(core: AppCore, entry: Entry, tick: number): Call {
  return repeatable(core.prepare(entry.signature, entry.sending, idsOf(entry, tick)));
}

/** Hands it to `send` as a traced one, and gives what that does. Throws as `callOf` does. */
export function sendTick<T>(core: AppCore, entry: Entry, tick: number, send: (call: Call) => T): T {
  const by = { schedule: entry.name, newId: idsOf(entry, tick) };
  return core.dispatch(entry.signature, entry.sending, (prepared) => send(repeatable(prepared)), by);
}

/** Where the outcome of a tick lies that was sent before. What was another call then is known by its first task alone. */
export function runOf(core: AppCore, entry: Entry, { tick, id }: FiredTick): ResultNode | undefined {
  if (id === undefined) return undefined;
  try {
    const { sends, result } = callOf(core, entry, tick);
    if (sends.some(({ dedupe }) => dedupe?.id === id)) return result;
  } catch {
    // It cannot be sent any more, but it was.
  }
  return { kind: "task", id };
}

/** Sends it now. Rejects as `enqueue` does. */
export async function startCall(core: AppCore, { signature, sending }: Sendable): Promise<AsyncResult<unknown>> {
  const { result, duplicate } = await core.launch(signature, sending);
  return (core.result("") as StoredResult<unknown>).handle(result, duplicate);
}

/** Of the call of a task; a workflow may have many. */
export function queueOf({ signature, sending }: Sendable): string | undefined {
  const queue = sending.queue ?? signature.options["queue"];
  return typeof queue === "string" ? queue : undefined;
}

function idsOf(entry: Entry, tick: number): NewId {
  return (role) => tickId(entry, tick, role);
}

function repeatable({ sends, joins, result }: Prepared): Call {
  const withWindow = (outgoing: Outgoing): Outgoing => {
    const { dedupe } = outgoing;
    return dedupe === undefined ? outgoing : { ...outgoing, dedupe: { ...dedupe, window } };
  };
  return { sends: sends.map(withWindow), joins, result };
}
