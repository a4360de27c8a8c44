/** What a start that is registered says of a message that comes for the same attempt. Redis has the rule in Lua (`script/ledger.ts`). */

import type { Start } from "./ledger.ts";

/** Under which the start of a message is noted. */
export function nameOf({ name, messageId }: Start): string | undefined {
  return name ?? messageId;
}

/** Whether it came again because the run that began under the name `began` is gone, and not because it lies there twice. */
export function isLeftBehind({ redelivered, formerly }: Start, began: string | undefined): boolean {
  if (!redelivered) return false;
  return formerly === undefined || began === undefined || began === "" || formerly.includes(began);
}
