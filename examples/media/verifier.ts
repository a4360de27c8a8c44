/** Asks the verifying process for its verdict. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Verdict } from "./verify.ts";

const script = fileURLToPath(new URL("verify.ts", import.meta.url));

/** Rejects if the verifier could not judge at all. */
export function askVerifier(folder: string, broker: string, queue: string, signal: AbortSignal): Promise<Verdict> {
  const env = { ...process.env, CELERIAC_BROKER: broker, MEDIA_QUEUE: queue };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [script, folder], { env, signal, timeout: 60_000 }, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Verdict);
      } catch {
        reject(
          new Error(`the verifier gave no verdict: ${stderr.trim() || (error?.message ?? "it printed none")}`, {
            cause: error,
          }),
        );
      }
    });
  });
}
