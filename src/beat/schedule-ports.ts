/** The two ports that schedules live on, or why there are none. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { ControlState } from "../port/control-state.ts";
import type { Lease } from "../port/lease.ts";

/** Throws NOT_SUPPORTED. */
export function portsOf({ lease, control }: Backend): { readonly lease: Lease; readonly control: ControlState } {
  if (lease !== undefined && control !== undefined) return { lease, control };
  throw new CeleriacError(
    "NOT_SUPPORTED",
    "Nothing here keeps schedules: this broker stores messages alone. Name a database with `schedules` (or --schedules): a redis: or sqlite: URL.",
  );
}
