/** What a start that is registered says of a message that comes for the same attempt. Redis has the rule in Lua (`script/ledger.ts`). */

import type { Start } from "./ledger.ts";

/** Whether it came again because the run that began with `messageId` is gone, and not because it lies there twice. */
export function isLeftBehind({ redelivered, formerly }: Start, messageId: string | undefined): boolean {
  if (!redelivered) return false;
  return formerly === undefined || messageId === undefined || messageId === "" || formerly.includes(messageId);
}
