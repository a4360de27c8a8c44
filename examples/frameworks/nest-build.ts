/** Compiles `nest.ts` by tsc, as the Nest CLI does. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export async function buildNest(signal: AbortSignal): Promise<void> {
  const tsc = fileURLToPath(new URL("bin/tsc", import.meta.resolve("typescript/package.json")));
  const project = join(import.meta.dirname, "tsconfig.nest.json");
  await promisify(execFile)(process.execPath, [tsc, "-p", project], { signal }).catch((error: unknown) => {
    // tsc says what is wrong on standard output.
    const { stdout = "" } = error as { readonly stdout?: string };
    throw new Error(`nest.ts does not compile:\n${stdout.trim()}`, { cause: error });
  });
}
