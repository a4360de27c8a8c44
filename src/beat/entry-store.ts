/** The entries as they are stored, over the control state. Every write looks at what it replaces, so that of two who change one, none is lost. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { ControlState } from "../port/control-state.ts";
import { type Entry, readEntry, scheduleKind, type UnreadableEntry, writeEntry } from "./entry.ts";

/** What is new since a version. */
export interface EntryChanges {
  readonly version: number;
  readonly changed: readonly (Entry | UnreadableEntry)[];
  readonly gone: readonly string[];
  /** `changed` is all there is. */
  readonly complete: boolean;
}

export class EntryStore {
  readonly #control: ControlState;

  constructor(control: ControlState) {
    this.#control = control;
  }

  async changes(since: number): Promise<EntryChanges> {
    const { version, changed, complete } = await this.#control.changes(since);
    const facts = changed.filter(({ kind }) => kind === scheduleKind);
    return {
      version,
      changed: facts.flatMap(({ key, value }) => (value === null ? [] : [readEntry(key, value)])),
      gone: facts.flatMap(({ key, value }) => (value === null ? [key] : [])),
      complete,
    };
  }

  /** By name, in the order of names. */
  async all(): Promise<ReadonlyMap<string, Entry | UnreadableEntry>> {
    const { changed } = await this.changes(0);
    return new Map(changed.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((entry) => [entry.name, entry]));
  }

  /**
   * Writes what `change` makes of the entry; `undefined`: there is none, or shall be none. Asked again with what stands there when
   * somebody else was faster. Resolves with false if it was kept.
   */
  async update(
    name: string,
    change: (entry: Entry | UnreadableEntry | undefined) => Entry | "keep" | undefined,
  ): Promise<boolean> {
    for (;;) {
      const { changed } = await this.#control.changes(0);
      const text = changed.find(({ kind, key }) => kind === scheduleKind && key === name)?.value ?? null;
      const after = change(text === null ? undefined : readEntry(name, text));
      if (after === "keep" || (after === undefined && text === null)) return false;
      const value = after === undefined ? null : writeEntry(after);
      if (await this.#control.replace({ kind: scheduleKind, key: name, value }, text)) return true;
    }
  }
}

/** Throws SCHEDULE_TAKEN: the name belongs to somebody else. */
export function taken(entry: Entry | UnreadableEntry): CeleriacError {
  const owner = ownerOf(entry);
  return new CeleriacError(
    "SCHEDULE_TAKEN",
    `The schedule "${entry.name}" exists already: ${owner}. Give this one another name, or remove that one first (celeriac schedule remove).`,
    { details: { schedule: entry.name } },
  );
}

function ownerOf(entry: Entry | UnreadableEntry): string {
  if ("problem" in entry) return `it cannot be read here, because ${entry.problem}`;
  return entry.source === "code"
    ? `the app "${entry.owner}" declares it in code`
    : `it was added at run time, by "${entry.owner}"`;
}
