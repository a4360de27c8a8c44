/** This program, as it introduces itself. */

import { readFileSync } from "node:fs";

export const softwareVersion: string = ((): string => {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
})();

/** Resident memory of this process. */
export function mebibytes(): string {
  return (process.memoryUsage.rss() / 2 ** 20).toFixed(1);
}
