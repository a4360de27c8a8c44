/** A wall clock that a test steps, for a server that is started under it. Needs `cc`, and a loader that knows LD_PRELOAD. */

import { execFile } from "node:child_process";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export interface SteppedClock {
  /** For the environment of the process whose clock it is. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets how far it is from the true time, in ms. Its monotonic clock goes on, as after a step by an administrator or NTP. */
  set(offset: number): Promise<void>;
}

/** `dir`: for the shim and the file that steers it; whoever made it removes it. Rejects without a compiler. */
export async function shimClock(dir: string): Promise<SteppedClock> {
  const [shim, file] = [join(dir, "clock-shim.so"), join(dir, "clock-offset")];
  const source = new URL("./clock-shim.c", import.meta.url).pathname;
  await promisify(execFile)("cc", ["-shared", "-fPIC", "-O1", "-o", shim, source]);
  await writeFile(file, Buffer.alloc(8));
  return {
    env: { LD_PRELOAD: shim, CLOCK_SHIM_FILE: file },
    async set(offset) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(BigInt(Math.round(offset)) * 1000n);
      // In place: the server has this file mapped.
      const handle = await open(file, "r+");
      await handle.write(bytes, 0, 8, 0);
      await handle.close();
    },
  };
}
