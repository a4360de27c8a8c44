/** Moving single messages of a memory server at somebody's word: one step for all, as nothing here awaits. */

import type { Held, RequeueTo } from "../../port/queue-admin.ts";
import type { HeldMessage } from "./held-message.ts";
import type { MessageTable } from "./message-table.ts";

interface Place {
  readonly message: HeldMessage;
  readonly state: Held["state"];
}

export function requeue(
  messages: MessageTable,
  queue: string,
  ids: readonly string[],
  to: RequeueTo,
): readonly (Held["state"] | undefined)[] {
  messages.promote();
  const places = placesOf(messages, queue, new Set(ids));
  // Each goes to the very front, so the one to come first goes last.
  for (const id of to.at === "front" ? ids.toReversed() : ids) {
    const place = places.get(id);
    if (place !== undefined) move(messages, place, to);
  }
  return ids.map((id) => places.get(id)?.state);
}

function move(messages: MessageTable, { message, state }: Place, to: RequeueTo): void {
  const elsewhere = to.queue !== undefined && to.queue !== message.queue;
  if (state === "delayed" && !elsewhere) return;
  // Its holder sees that the lease is gone when it renews or settles.
  messages.queue(message.queue).take(message);
  if (state === "leased") message.redelivered = true;
  const moved = elsewhere ? message.movedTo(to.queue) : message;
  messages.put(moved, to.at);
  messages.calls.moved(message, moved);
}

/** Of several with one id the one that runs, else the one that comes first. */
function placesOf(messages: MessageTable, queue: string, wanted: ReadonlySet<string>): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  for (const state of ["leased", "ready", "delayed"] as const) {
    for (const message of messages.queue(queue).in(state)) {
      const { id } = message;
      if (id !== undefined && wanted.has(id) && !places.has(id)) places.set(id, { message, state });
    }
  }
  return places;
}
