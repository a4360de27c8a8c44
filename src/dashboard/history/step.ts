/**
 * What happened to a task, as a set: a step is a plain fact without a number, so the same steps in any order, any of them told twice, are
 * the same history. Steps have one order for everybody: by time, then as a run goes.
 */

import type { StepKind } from "../contract.ts";

export interface Step {
  readonly kind: StepKind;
  /** Unix ms, whole. */
  readonly at: number;
  readonly worker?: string | undefined;
  readonly pid?: number | undefined;
  readonly attempt?: number | undefined;
  readonly fence?: number | undefined;
  readonly text?: string | undefined;
  readonly due?: number | undefined;
  readonly queue?: string | undefined;
}

/** By their place in a run, which decides among steps of one millisecond. Stored by number: new kinds go behind the last, and into `rankOf`. */
export const stepKinds: readonly StepKind[] = [
  "sent",
  "received",
  "started",
  "event",
  "checkpoint",
  "retried",
  "returned",
  "rejected",
  "revoked",
  "failed",
  "dead",
  "succeeded",
  "crashed",
  "progress",
];
const numbers: ReadonlyMap<StepKind, number> = new Map(stepKinds.map((kind, index) => [kind, index]));
/** Kinds that came later stand beside those that they are like. */
const rankOf: ReadonlyMap<StepKind, number> = new Map([
  ...numbers,
  ["progress", kindNumber("checkpoint") + 0.5],
  ["crashed", kindNumber("returned") + 0.5],
]);

/** So many of the first and of the last steps are kept; both ends of a set are the same in whatever order it was filled. */
const kept = { first: 100, last: 200 } as const;

export function kindNumber(kind: StepKind): number {
  return numbers.get(kind) ?? 0;
}

export function compareSteps(a: Step, b: Step): number {
  return (
    a.at - b.at ||
    (rankOf.get(a.kind) ?? 0) - (rankOf.get(b.kind) ?? 0) ||
    (a.fence ?? 0) - (b.fence ?? 0) ||
    (a.attempt ?? 0) - (b.attempt ?? 0) ||
    (a.pid ?? 0) - (b.pid ?? 0) ||
    (a.due ?? 0) - (b.due ?? 0) ||
    compareText(a.worker, b.worker) ||
    compareText(a.queue, b.queue) ||
    compareText(a.text, b.text)
  );
}

function compareText(a = "", b = ""): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Puts it where it belongs. False: it is there already, or lies in the middle of too many. */
export function addStep(steps: Step[], step: Step): "added" | "known" | "left out" {
  let index = steps.length;
  while (index > 0) {
    const before = steps[index - 1];
    const order = before === undefined ? -1 : compareSteps(before, step);
    if (order === 0) return "known";
    if (order < 0) break;
    index--;
  }
  steps.splice(index, 0, step);
  if (steps.length <= kept.first + kept.last) return "added";
  steps.splice(kept.first, 1);
  return index === kept.first ? "left out" : "added";
}
