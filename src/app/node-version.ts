/** One clear line on a Node that is too old, instead of a syntax error somewhere inside. */

import { CeleriacError } from "../error/celeriac-error.ts";

const least = [22, 18] as const;

/** Throws NODE_TOO_OLD below Node 22.18, where type stripping and `node:sqlite` are not ready. */
export function checkNodeVersion(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > least[0] || (major === least[0] && minor >= least[1])) return;
  throw new CeleriacError(
    "NODE_TOO_OLD",
    `Celeriac needs Node ${least.join(".")} or newer; this is Node ${version}. Install a newer one, for instance with \`npm install node@24\`.`,
    { details: { version, least: least.join(".") } },
  );
}
