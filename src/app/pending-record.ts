/** The PENDING record that an accepted task leaves where result routes are served, so that they can tell a waiting id from an unknown one. */

import type { Outgoing } from "../port/broker.ts";
import type { ResultWrite } from "../port/result-store.ts";
import { encodeTaskMeta } from "../wire/outcome.ts";

/**
 * One record a message, written once it is accepted (a publish clears what an older task of that id left). A worker may be
 * faster: a final state is never overwritten, and a fence of 0 loses to every claim.
 */
export function pendingWrites(batch: readonly Outgoing[], ttl: number, now: number): readonly ResultWrite[] {
  return batch.map((outgoing) => {
    const wait = Math.max(0, (outgoing.due ?? now) - now);
    return pendingWrite(String(outgoing.message.headers["id"]), ttl + wait);
  });
}

/** The same for what is sent later: the end of a chain, the body of a chord. */
export function pendingWritesOf(ids: readonly string[], ttl: number): readonly ResultWrite[] {
  return ids.map((id) => pendingWrite(id, ttl));
}

function pendingWrite(id: string, ttl: number): ResultWrite {
  const meta = encodeTaskMeta({ id, status: "PENDING", result: { value: null }, traceback: null, dateDone: null });
  return { id, state: "PENDING", final: false, fence: 0, meta, ttl };
}
