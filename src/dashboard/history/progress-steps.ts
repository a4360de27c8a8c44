/**
 * What a task reported of its progress, as steps of its timeline: the first, the last, and so many between, however often it reports. Which
 * are kept does not depend on the order they came in: those between are the ones with the lowest mark, which is a report's own.
 */

import { compareSteps, type Step } from "./step.ts";

/** Beside the first and the last. */
const mostBetween = 18;
const longestNote = 100;

export interface Report {
  readonly done: number;
  readonly total: number | null;
  readonly note: string | null;
  readonly at: number;
}

/** Adds it to what is kept, in the order of time. False: it is there already, or not one of those that stay. */
export function addReport(kept: Report[], report: Report): boolean {
  const note = report.note === null ? null : report.note.slice(0, longestNote);
  const cut = { ...report, note };
  if (kept.some((one) => compareReports(one, cut) === 0)) return false;
  kept.push(cut);
  kept.sort(compareReports);
  if (kept.length <= mostBetween + 2) return true;
  // The ends stay by themselves, and count among the lowest as all do: what is an end no more may be between later.
  const lowest = new Set(kept.toSorted((a, b) => markOf(a) - markOf(b) || compareReports(a, b)).slice(0, mostBetween));
  const stay = kept.filter((one, index) => index === 0 || index === kept.length - 1 || lowest.has(one));
  kept.splice(0, kept.length, ...stay);
  return stay.includes(cut);
}

/** Steps and reports in one order. */
export function withReports(steps: readonly Step[], reports: readonly Report[]): readonly Step[] {
  if (reports.length === 0) return steps;
  return [...steps, ...reports.map(stepOf)].toSorted(compareSteps);
}

function stepOf({ done, total, note, at }: Report): Step {
  const share = total === null ? String(done) : `${String(done)} of ${String(total)}`;
  return { kind: "progress", at, text: note === null || note === "" ? share : `${share}: ${note}` };
}

function compareReports(a: Report, b: Report): number {
  return (
    a.at - b.at ||
    a.done - b.done ||
    (a.total ?? 0) - (b.total ?? 0) ||
    (a.note === b.note ? 0 : (a.note ?? "") < (b.note ?? "") ? -1 : 1)
  );
}

/** Spread over all numbers alike, so that those with the lowest lie anywhere in time. */
function markOf({ at, done }: Report): number {
  let mixed = Math.imul(Math.floor(at) ^ Math.floor(at / 2 ** 32) ^ Math.floor(done * 1000), 0x9e37_79b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
