/** What waits to be published, in the calls of scripts that it makes. */

import type { Encoded } from "./encoded.ts";
import { fairStep } from "./script/parts.ts";
import { mostBytes } from "./script/script.ts";

/** Half of what a script may take: what a small one is made of stays in the processor's caches, which spares the sender a tenth of its time. */
export const mostPublished = 250;

interface Item {
  readonly encoded: Encoded;
}

/**
 * One for each queue and priority. Of two messages with one id the first is to be taken, so the second waits for a later group if it has
 * another queue or priority; groups go out in order.
 */
export function inGroups<T extends Item>(pending: readonly T[]): readonly (readonly T[])[] {
  if (pending.every(({ encoded }) => alike(encoded, pending[0]?.encoded))) return pending.length === 0 ? [] : [pending];
  const groups: T[][] = [];
  const open = new Map<string, T[]>();
  const homes = new Map<string, T[]>();
  for (const item of pending) {
    const { step, fair, queue, dedupe, call } = item.encoded;
    const key = `${fair ? fairStep : step} ${queue}`;
    let group = open.get(key);
    const home = dedupe && homes.get(dedupe.id);
    if (home !== undefined && home !== group) {
      open.clear();
      homes.clear();
      group = undefined;
    }
    // What stands for a key goes alone, and in its order among the others.
    if (group === undefined || call !== undefined) {
      group = [];
      groups.push(group);
      if (call === undefined) open.set(key, group);
      else open.clear();
    }
    group.push(item);
    if (dedupe) homes.set(dedupe.id, group);
  }
  return groups;
}

function alike(one: Encoded, other: Encoded | undefined): boolean {
  return one.queue === other?.queue && one.step === other.step && one.fair === other.fair && one.call === undefined;
}

/** Cuts a group into calls within both bounds. */
export function slices<T extends Item>(group: readonly T[]): readonly (readonly T[])[] {
  const calls: T[][] = [];
  let call: T[] = [];
  let bytes = 0;
  for (const item of group) {
    if (call.length > 0 && (call.length >= mostPublished || bytes + item.encoded.size > mostBytes)) {
      calls.push(call);
      call = [];
      bytes = 0;
    }
    call.push(item);
    bytes += item.encoded.size;
  }
  if (call.length > 0) calls.push(call);
  return calls;
}
