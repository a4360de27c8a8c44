/** Who runs servers that refuse to be root's: this user, or `nobody` where this is root. */

import { execFileSync } from "node:child_process";

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** `undefined`: this user. */
export function unprivileged(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string): number => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
}
