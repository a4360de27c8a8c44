/**
 * Brings what the code declares into the store, once, when a scheduler starts: new entries are added, changed ones updated, those no
 * longer declared removed. Never touches what was added at run time or by another app. Whoever starts last wins: two versions of an app
 * that run side by side do not fight, because neither looks again.
 */

import type { DeclaredSchedule } from "../app/schedule-book.ts";
import { type Entry, isReadable, newEntry, redeclared, type UnreadableEntry } from "./entry.ts";
import { type EntryStore, taken } from "./entry-store.ts";

export interface CodeChanges {
  readonly added: readonly string[];
  readonly updated: readonly string[];
  readonly removed: readonly string[];
}

/** `now`: unix ms. Rejects with SCHEDULE_TAKEN for a name that somebody else has, before anything is written. */
export async function syncCode(
  store: EntryStore,
  owner: string,
  declared: readonly DeclaredSchedule[],
  now: number,
): Promise<CodeChanges> {
  const stored = await store.all();
  const names = new Set(declared.map(({ name }) => name));
  for (const name of names) {
    const entry = stored.get(name);
    if (entry !== undefined && !isOurs(entry, owner)) throw taken(entry);
  }
  const changes = { added: [] as string[], updated: [] as string[], removed: [] as string[] };
  for (const one of declared) {
    let list = changes.updated;
    const written = await store.update(one.name, (entry) => {
      list = entry === undefined ? changes.added : changes.updated;
      if (entry === undefined) return newEntry(one, "code", owner, now);
      if (!isOurs(entry, owner)) throw taken(entry);
      return entry.version === one.version ? "keep" : redeclared(entry, one, now);
    });
    if (written) list.push(one.name);
  }
  for (const { name } of [...stored.values()].filter((entry) => isOurs(entry, owner) && !names.has(entry.name))) {
    // Its fired ticks stay: the former version of the app may bring it back while both run.
    const written = await store.update(name, (entry) =>
      entry !== undefined && isOurs(entry, owner) ? undefined : "keep",
    );
    if (written) changes.removed.push(name);
  }
  return changes;
}

function isOurs(entry: Entry | UnreadableEntry, owner: string): entry is Entry {
  return isReadable(entry) && entry.source === "code" && entry.owner === owner;
}
