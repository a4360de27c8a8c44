/** What a start that is registered says of a message that comes for the same attempt. Redis has the rules in Lua (`script/ledger.ts`). */

import type { Start, Waiting } from "./ledger.ts";
import type { Fence } from "./units.ts";

/** What the rules look at of a row. */
export interface Standing {
  readonly state: "begun" | "open" | "retried" | "replaced" | "finished" | "final";
  readonly attempt: number;
  readonly fence: Fence;
  /** Of the message it began with. */
  readonly name: string | undefined;
  /** Of the copy of a kept message that was given back. */
  readonly copy: string | undefined;
  readonly held: boolean;
}

/** "counts": it goes, and the start that stands has died. */
export type Verdict = "goes" | "counts" | "stale" | "held";

const mark = ":";

/** Under which the start of a message is noted. */
export function nameOf({ name, messageId }: Start): string | undefined {
  return name ?? messageId;
}

/** Among `formerly`: every start up to the one with this fence, whatever its name. */
export function upTo(fence: Fence): string {
  return `${mark}${String(fence)}`;
}

/** Other programs' ids may look like it. */
export function isPlainName(name: string): boolean {
  return !name.startsWith(mark);
}

/** Whether a message begins for which the row is there; one that has ended has been told so before. */
export function verdictOn(waiting: Waiting, row: Standing | undefined): Verdict {
  if (row === undefined || row.state === "finished" || row.state === "final") return "goes";
  if (row.state === "open" || waiting.attempt > row.attempt) return "goes";
  if (row.state === "replaced" && waiting.unsaid === true) return "goes";
  const isCopy = row.copy !== undefined && row.copy === waiting.messageId;
  if (row.state !== "begun") return isCopy || isLeftBehind(waiting, row) ? "goes" : "stale";
  if (waiting.attempt < row.attempt) return "stale";
  if (row.held && !isCopy) return "held";
  return isCopy || isLeftBehind(waiting, row) ? "counts" : "stale";
}

/** See `Ledger.follows`. */
export function followed(waiting: Waiting, row: Standing | undefined): Fence | undefined {
  const verdict = verdictOn(waiting, row);
  return verdict === "stale" || verdict === "held" ? undefined : (row?.fence ?? 0);
}

/** Whether it came again because the run that began is gone, and not because it lies there twice. */
function isLeftBehind({ redelivered, formerly }: Waiting, { name, fence }: Standing): boolean {
  if (!redelivered) return false;
  if (formerly === undefined || name === undefined || name === "") return true;
  return formerly.some((former) => former === name || (!isPlainName(former) && fence <= Number(former.slice(1))));
}
