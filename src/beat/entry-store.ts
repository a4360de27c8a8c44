/** The entries as they are stored, over the control state. Every write looks at what it replaces, so that of two who change one, none is lost. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { ControlState } from "../port/control-state.ts";
import { type Entry, readEntry, type UnreadableEntry, writeEntry } from "./entry.ts";

const scheduleKind = "schedule";
/** Apart from the others, because their names may be anything. */
const scopedKind = "schedule-beside";

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
  readonly #kind: string;
  readonly #scope: string;

  /** `scope` stands before every name, and keeps entries apart that lie beside those of others; "": there are no others. */
  constructor(control: ControlState, scope: string) {
    this.#control = control;
    this.#scope = scope;
    this.#kind = scope === "" ? scheduleKind : scopedKind;
  }

  async changes(since: number): Promise<EntryChanges> {
    const { version, changed, complete } = await this.#control.changes(since);
    const facts = changed.flatMap(({ kind, key, value }) =>
      kind === this.#kind && key.startsWith(this.#scope) ? [{ name: key.slice(this.#scope.length), value }] : [],
    );
    return {
      version,
      changed: facts.flatMap(({ name, value }) => (value === null ? [] : [readEntry(name, value)])),
      gone: facts.flatMap(({ name, value }) => (value === null ? [name] : [])),
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
    const [kind, key] = [this.#kind, this.#scope + name];
    for (;;) {
      const { changed } = await this.#control.changes(0);
      const text = changed.find((fact) => fact.kind === kind && fact.key === key)?.value ?? null;
      const after = change(text === null ? undefined : readEntry(name, text));
      if (after === "keep" || (after === undefined && text === null)) return false;
      const value = after === undefined ? null : writeEntry(after);
      if (await this.#control.replace({ kind, key, value }, text)) return true;
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
