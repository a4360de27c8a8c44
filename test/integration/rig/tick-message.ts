/** What two schedulers fire for one tick: the same, to the last id. */

import type { Outgoing } from "../../../src/port/broker.ts";
import { makeTaskMessage } from "../../../src/wire/task-message.ts";

export const tickSchedule = "nightly";
export const tickTime: number = 1_700_000_000_000;

export function tickMessage(id: string): Outgoing {
  const message = makeTaskMessage({ task: "t.nightly", id, args: [], kwargs: {} });
  return { queue: "celery", message, dedupe: { id, nonce: id, window: 86_400_000 } };
}
