/** What the pieces say of a server that has them already: one request would have two backgrounds, and one of them would never run. */

import { CeleriacError } from "../error/celeriac-error.ts";

export function mountedTwice(what: string): CeleriacError {
  return new CeleriacError(
    "MOUNTED_TWICE",
    `${what} is on this server already, or something else that is called background. Mount it once; where a server shows two apps, give each a server, or a path, of its own.`,
  );
}
