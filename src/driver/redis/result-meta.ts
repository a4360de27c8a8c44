/** The state of a stored task meta, read from its first bytes: Celery and we write `status` first. */

import type { StoredOutcome } from "../../port/result-store.ts";
import { decodeTaskMeta } from "../../wire/outcome.ts";

const first = /^\{"status": ?"([^"\\]{1,200})"/;

export function outcomeOf(id: string, meta: Buffer): StoredOutcome {
  return { id, state: stateOf(meta), meta };
}

function stateOf(meta: Buffer): string {
  const found = first.exec(meta.toString("latin1", 0, 256));
  if (found?.[1] !== undefined) return Buffer.from(found[1], "latin1").toString("utf8");
  try {
    return decodeTaskMeta(meta).status;
  } catch {
    // Not written by Celery or us. A state that nobody waits for is better than a reader that fails on a stranger's key.
    return "PENDING";
  }
}
