/**
 * What stands in `started` beside a claim: `claimed|worker`, and from the start of user code on `blame|pid|since|worker`. The
 * worker's name is last: it may hold anything.
 */

import type { ServerTime } from "../../port/units.ts";

export interface StartMark {
  readonly blame: "suspect" | "sure";
  readonly pid: number;
  readonly since: ServerTime;
  readonly worker: string;
}

export function startText(mark: StartMark): string {
  return `${mark.blame}|${mark.pid}|${Math.round(mark.since)}|${mark.worker}`;
}

/** Undefined if user code never began. */
export function readStart(text: string): StartMark | undefined {
  const found = /^(suspect|sure)\|(\d+)\|(\d+)\|(.*)$/s.exec(text);
  if (found === null) return undefined;
  const [, blame, pid, since, worker] = found;
  return { blame: blame === "sure" ? "sure" : "suspect", pid: Number(pid), since: Number(since), worker: worker ?? "" };
}

/** Who holds it, started or not. */
export function holderOf(text: string): string | undefined {
  return readStart(text)?.worker ?? (text.startsWith("claimed|") ? text.slice("claimed|".length) : undefined);
}
