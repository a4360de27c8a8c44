/** What one child is made with. Sizes in bytes, times in milliseconds. */

import type { Clock } from "../clock/clock.ts";
import type { Deadlines } from "./deadlines.ts";
import type { MakeLink } from "./link.ts";
import type { PoolOptions } from "./pool-options.ts";

export interface ChildOptions {
  readonly app: { readonly url: string; readonly export: string };
  readonly slots: number;
  readonly maxResultBytes: number;
  /** How long neighbours of what was ended by force may go on. */
  readonly drain: number;
  /** See {@link PoolOptions.startBy}. */
  readonly startBy?: PoolOptions["startBy"];
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly makeLink: MakeLink;
}
