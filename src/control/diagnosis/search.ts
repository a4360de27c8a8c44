/** Where a task is: its message in a queue or among the dead letters, or the message of what it waits for. Reads, in bounded pages. */

import { idsIn, waitingFor } from "../../canvas/waiting.ts";
import type { Broker } from "../../port/broker.ts";
import type { DeadLetter, Held } from "../../port/queue-admin.ts";
import { openBody } from "../../wire/content.ts";
import { decodeEnvelope } from "../../wire/envelope.ts";
import type { Message } from "../../wire/message.ts";
import type { Signature } from "../../wire/signature.ts";
import { type Embed, splitTaskBody } from "../../wire/task-body.ts";
import { readTaskHeaders, type TaskHeaders } from "../../wire/task-message.ts";

const page = 200;
/** Messages and letters that are looked into: enough for a stuck workflow, and no load for a busy broker. */
const most = 2_000;
/** Of a body that is opened to see what follows it. */
const maxBytes = 4 * 1024 * 1024;

export interface Found {
  readonly queue: string;
  readonly held: Held;
  /** Absent where they cannot be read. */
  readonly headers: TaskHeaders | undefined;
  /** Absent where it is none. */
  readonly message: Message | undefined;
}

export async function findHeld(broker: Broker, queues: readonly string[], id: string): Promise<Found | undefined> {
  for (const queue of queues) {
    const held = await broker.queues.find(queue, id);
    if (held !== undefined) return foundOf(queue, held);
  }
  return undefined;
}

export async function findLetter(broker: Broker, id: string): Promise<DeadLetter | undefined> {
  let after: string | undefined;
  for (let looked = 0; looked < most;) {
    const { items, next } = await broker.dead.list({}, after, page);
    const letter = items.find((each) => each.id === id);
    if (letter !== undefined || next === undefined) return letter;
    looked += items.length;
    after = next;
  }
  return undefined;
}

/** What a task that was not sent yet waits for. */
export interface Parent extends Found {
  readonly headers: TaskHeaders;
  /** The chord whose body it is, or comes after; absent: it follows the parent itself. */
  readonly group: string | undefined;
}

/** Undefined where messages cannot be looked into, and if none of those looked at has the task among what follows it. */
export async function findParent(broker: Broker, queues: readonly string[], id: string): Promise<Parent | undefined> {
  if (broker.features.browse === "none") return undefined;
  const places = broker.features.browse === "all" ? (["leased", "delayed", "ready"] as const) : (["ready"] as const);
  let left = most;
  for (const queue of queues) {
    for (const where of places) {
      let after: string | undefined;
      do {
        const { items, next } = await broker.queues.browse(queue, where, after, Math.min(page, left));
        for (const held of items) {
          const parent = parentIn(queue, held, id);
          if (parent !== undefined) return parent;
        }
        left -= items.length;
        after = next;
      } while (after !== undefined && left > 0);
      if (left <= 0) return undefined;
    }
  }
  return undefined;
}

/** As it lies there, read as far as it can be. */
export function foundOf(queue: string, held: Held): Found {
  const message = decodeEnvelope(held.raw);
  if ("malformed" in message) return { queue, held, headers: undefined, message: undefined };
  try {
    return { queue, held, headers: readTaskHeaders(message), message };
  } catch {
    return { queue, held, headers: undefined, message };
  }
}

function parentIn(queue: string, held: Held, id: string): Parent | undefined {
  const message = decodeEnvelope(held.raw);
  if ("malformed" in message) return undefined;
  try {
    const headers = readTaskHeaders(message);
    const { embed } = splitTaskBody(openBody(message, headers.compression, maxBytes));
    const group = groupBefore(embed, headers, id);
    if (group === undefined && !follows(embed, id)) return undefined;
    return { queue, held, headers, message, group };
  } catch {
    return undefined; // what nobody can read is followed by nothing
  }
}

/** The chord that the task itself, or a later step of its chain, is a member of, if `id` comes after it. */
function groupBefore({ chord, chain }: Embed, { group }: TaskHeaders, id: string): string | undefined {
  if (chord !== null && isIn(chord, id)) return group;
  return waitingFor(chain ?? []).members.find(({ body }) => isIn(body, id))?.group;
}

function follows({ chain, callbacks, errbacks }: Embed, id: string): boolean {
  if (chain?.length && waitingFor(chain).ids.includes(id)) return true;
  return [...(callbacks ?? []), ...(errbacks ?? [])].some((signature) => isIn(signature, id));
}

function isIn(signature: Signature, id: string): boolean {
  return idsIn(signature).includes(id);
}
