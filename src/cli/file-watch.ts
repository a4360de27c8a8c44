/** Tells when a source file has changed, once for changes that come together, as an editor or a checkout makes them. */

import { type FSWatcher, watch } from "node:fs";
import { sep } from "node:path";
import type { Clock } from "../clock/clock.ts";

const sources = /\.(?:[cm]?[jt]sx?|json)$/;
/** Folders that hold what others write, and all that begin with a dot. */
const foreign = /^(?:node_modules|dist|build|coverage|\..+)$/;
/** Ms without a change after which it is told. */
const settleTime = 100;

export class FileWatch implements Disposable {
  readonly #watchers: readonly FSWatcher[];
  readonly #clock: Clock;
  readonly #changed: (file: string) => void;
  #timer: Disposable | undefined;

  /** Throws what the file system does, such as ENOENT. */
  constructor(folders: readonly string[], clock: Clock, changed: (file: string) => void) {
    this.#clock = clock;
    this.#changed = changed;
    this.#watchers = folders.map((folder) =>
      watch(folder, { recursive: true }, (_event, file) => {
        if (file !== null && isSource(file)) this.#heard(file);
      }),
    );
    // A folder that goes away is no reason to end.
    for (const watcher of this.#watchers) watcher.on("error", () => {});
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    for (const watcher of this.#watchers) watcher.close();
  }

  #heard(file: string): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#clock.after(settleTime, () => this.#changed(file));
  }
}

export function isSource(file: string): boolean {
  return sources.test(file) && !file.split(sep).some((part) => foreign.test(part));
}
