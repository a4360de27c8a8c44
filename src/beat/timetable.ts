/** The lines of all entries while a scheduler leads, kept up with the store. What changed there begins anew from what has fired. */

import type { AppCore } from "../app/core.ts";
import type { Lease } from "../port/lease.ts";
import { type Entry, isReadable } from "./entry.ts";
import type { EntryStore } from "./entry-store.ts";
import type { Leadership } from "./leadership.ts";
import { type Line, openLine } from "./line.ts";
import type { BeatReporter } from "./reporter.ts";

/** Entries that are asked about at the same time. */
const sideBySide = 64;

export interface TimetableParts {
  readonly core: AppCore;
  readonly lease: Lease;
  readonly store: EntryStore;
  readonly leadership: Leadership;
  readonly report: BeatReporter;
}

export class Timetable {
  readonly #parts: TimetableParts;
  readonly #lines = new Map<string, Line>();
  #version = 0;
  /** On the monotonic clock. */
  #lookAt = 0;

  constructor(parts: TimetableParts) {
    this.#parts = parts;
  }

  /** When the first of them wants to be looked at, server time; Infinity: never. */
  get next(): number {
    return [...this.#lines.values()].reduce((first, { due }) => Math.min(first, due), Infinity);
  }

  /** Those whose time has come, the oldest first. */
  due(now: number): readonly Line[] {
    return [...this.#lines.values()].filter((line) => line.due <= now).sort((a, b) => a.due - b.due);
  }

  clear(): void {
    this.#lines.clear();
    this.#version = 0;
    this.#lookAt = 0;
  }

  /** Takes over what changed in the store, unless that was done less than `every` ms ago. */
  async refresh(every: number): Promise<void> {
    const { core, store } = this.#parts;
    const now = core.clock.monotonic();
    if (now < this.#lookAt) return;
    const { version, changed, gone, complete } = await store.changes(this.#version);
    const names = new Set(changed.map(({ name }) => name));
    for (const name of complete ? [...this.#lines.keys()].filter((each) => !names.has(each)) : gone)
      this.#lines.delete(name);
    const opened = await this.#open(changed.filter(isReadable));
    for (const { name } of changed) this.#lines.delete(name);
    for (const line of opened) this.#lines.set(line.entry.name, line);
    for (const entry of changed) {
      if (isReadable(entry)) continue;
      const text = `"${entry.name}" cannot be read: ${entry.problem}`;
      this.#parts.report.warning("SCHEDULE_BROKEN", text, { schedule: entry.name });
    }
    this.#version = version;
    this.#lookAt = now + every;
  }

  async #open(entries: readonly Entry[]): Promise<readonly Line[]> {
    const { core, lease, leadership } = this.#parts;
    const lines: Line[] = [];
    for (let at = 0; at < entries.length; at += sideBySide) {
      const some = entries.slice(at, at + sideBySide);
      lines.push(...(await Promise.all(some.map((entry) => openLine(core, lease, entry, leadership.now())))));
    }
    return lines;
  }
}
