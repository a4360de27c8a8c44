/** What a memory server can be told besides the time. */

import type { IsOver } from "../../port/call-law.ts";
import type { HeldMessage } from "./held-message.ts";

/** For those who hold the server itself. */
export interface MemoryServerOptions {
  /** Told of each message that is accepted, before anybody can claim it; not of one that comes again. */
  readonly accepted?: (message: HeldMessage) => void;
  /** Its wall clock is never set: what waits for a moment need not look again and again whether it was. Default false. */
  readonly steady?: boolean;
}

/** For the table of its messages. */
export interface TableOptions extends MemoryServerOptions {
  readonly isOver: IsOver;
}
