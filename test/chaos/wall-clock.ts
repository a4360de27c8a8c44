/**
 * Wall clocks that jump while their monotonic clocks go on: one worker's, by libfaketime, and that of Redis, by a shim of its own, for
 * redis-server with its jemalloc does not start under libfaketime 0.9.10.
 */

import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { shimClock, type SteppedClock } from "../server/clock-shim.ts";

const library = "/usr/lib/*/faketime/libfaketimeMT.so.1";

/**
 * A jump is seen within a second: reading the file at every question costs a process a tenth of its speed. Says why where there is no
 * libfaketime.
 */
export function fakeTime(folder: string): SteppedClock | string {
  const [preload] = process.platform === "linux" ? globSync(library) : [];
  if (preload === undefined) return `libfaketime is not installed (${library})`;
  const file = join(folder, "worker-clock");
  const set = (offset: number): void => writeFileSync(file, `${offset < 0 ? "" : "+"}${String(offset / 1000)}\n`);
  set(0);
  return {
    env: {
      LD_PRELOAD: preload,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    },
    set: (offset) => Promise.resolve(set(offset)),
  };
}

/** Says why where the shim cannot be made. */
export async function serverTime(folder: string): Promise<SteppedClock | string> {
  if (process.platform !== "linux") return "a server's clock is stepped on Linux only";
  try {
    return await shimClock(folder);
  } catch {
    return "there is no C compiler for the shim";
  }
}
