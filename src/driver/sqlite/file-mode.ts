/** Who may read a new queue file: its owner, for it holds the arguments of every task. Whoever wants it shared changes its mode, which is kept. */

import { chmodSync, closeSync, existsSync, fchmodSync, lstatSync, openSync, statSync } from "node:fs";
import { CeleriacError } from "../../error/celeriac-error.ts";

const owner = 0o600;
/** The rights that a queue file has itself; SQLite gives the same to the files of its log. */
const rights = 0o666;

/**
 * Opens an SQLite file; one that is new by that is its owner's alone, or has the rights of `like`. By name, while it is still empty: to open it
 * by other means would drop locks (`database.ts`). Throws DATABASE_FOREIGN for a link that leads nowhere.
 */
export function openPrivately<T>(path: string, open: () => T, like?: string): T {
  const fresh = !existsSync(path);
  if (fresh && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    throw new CeleriacError(
      "DATABASE_FOREIGN",
      `${path} is a link to a file that does not exist, and whoever laid it would choose where your tasks lie. Remove it, or name another file in the broker URL.`,
      { details: { path } },
    );
  }
  const opened = open();
  if (fresh) chmodSync(path, like === undefined ? owner : modeOf(like));
  return opened;
}

/** Makes an empty file, no database, with the rights of `like`. */
export function makeLike(like: string, path: string): void {
  const file = openSync(path, "w", owner);
  try {
    fchmodSync(file, modeOf(like));
  } finally {
    closeSync(file);
  }
}

export function modeOf(path: string): number {
  return statSync(path).mode & rights;
}
