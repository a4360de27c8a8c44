/**
 * The verdict on a run, from the journal and the final state alone: a pure function, so that it can be tested without a queue.
 *
 * An id whose `enqueue` threw may or may not have been accepted: "unknown" is an outcome of its own and never a failure.
 */

import { commitTime } from "./commit-time.ts";
import type { Entry, Run } from "./journal.ts";
import { type Recovery, recovery } from "./recovery.ts";
import { doomed, jobOf, partsOf, type Kind } from "./workload.ts";

/** What the store holds for an id in the end. */
export interface Final {
  readonly state: string;
  /** JSON text of the stored result. */
  readonly result: string;
  /** Fence of the claim that committed; `undefined` if the result carries none. */
  readonly fence: number | undefined;
  /** Unix ms at which the committing worker ended it. */
  readonly at: number | undefined;
}

export interface Evidence {
  readonly journal: readonly Entry[];
  readonly finals: ReadonlyMap<string, Final>;
  /** Ids whose final result was seen to change between two polls. */
  readonly changed: ReadonlySet<string>;
  readonly dead: ReadonlyMap<string, { readonly reason: string; readonly attempts: number }>;
  /** What is left in the queue after the drain. */
  readonly left: { readonly ready: number; readonly leased: number; readonly delayed: number };
  /** Ms for which a fault can explain a second run after it is over: lease, sweep, and a margin. */
  readonly shadow: number;
  /** Ms within which what a dead worker held must be claimed again: lease, sweep, and a second. */
  readonly bound: number;
}

export interface Verdict {
  readonly accepted: number;
  readonly unknown: number;
  readonly faults: number;
  readonly rerun: number;
  readonly recoveryMs: Recovery;
  /** Empty = the run is green. One line each, with the id. */
  readonly violations: readonly string[];
}

/** Most starts of a doomed task: three counted crashes, one suspicion before each can be told apart, and one a fault. */
const doomedStarts = 3 * 2;

/** Ms by which a commit's stored time may lag behind the journal's clock. */
const reckoning = 500;

export function check(evidence: Evidence): Verdict {
  const { journal, finals, changed, dead, left, shadow, bound } = evidence;
  const accepted = new Map<string, string>();
  const unclear = new Map<string, string>();
  const starts = new Map<string, Run[]>();
  const ends = new Map<string, Run[]>();
  const faults: Extract<Entry, { k: "fault" }>[] = [];
  const steps = new Map<string, Extract<Entry, { k: "step" }>[]>();
  for (const entry of journal) {
    if (entry.k === "accepted") accepted.set(entry.id, entry.kind);
    else if (entry.k === "unclear") unclear.set(entry.id, entry.kind);
    else if (entry.k === "start") append(starts, entry.id, entry);
    else if (entry.k === "end") append(ends, entry.id, entry);
    else if (entry.k === "step") append(steps, `${entry.id}/${entry.step}`, entry);
    else if (entry.k === "fault") faults.push(entry);
  }
  const violations: string[] = [];
  const explained = (from: number, to: number): boolean =>
    faults.some((fault) => fault.t <= to && fault.until + shadow >= from);

  for (const [id, kind] of accepted) {
    const final = finals.get(id);
    if (!final) {
      violations.push(`lost: ${id} (${kind}) was accepted and has no final result`);
      continue;
    }
    const letter = dead.get(id);
    if (doomed.has(kind)) {
      if (final.state !== "FAILURE" || !letter)
        violations.push(
          `poison: ${id} (${kind}) ended ${final.state} and ${letter ? "is" : "is not"} in the dead letters`,
        );
      else if (letter.attempts === 0) violations.push(`context: the dead letter of ${id} knows no attempt`);
    } else {
      const wanted = kind === "failing" ? "FAILURE" : "SUCCESS";
      if (final.state !== wanted)
        violations.push(`failed: ${id} (${kind}) ended ${final.state}: ${final.result.slice(0, 200)}`);
      if (letter) violations.push(`innocent: ${id} (${kind}) is in the dead letters (${letter.reason})`);
    }
    if (kind === "linked") {
      const follow = finals.get(`${id}-after`);
      if (follow?.state !== "SUCCESS") violations.push(`cut: what follows ${id} ended ${follow?.state ?? "nowhere"}`);
    }
    violations.push(...brokenWorkflow({ id, kind: kind as Kind }, { finals, starts, ends }));
  }
  for (const id of starts.keys()) {
    const root = jobOf(id);
    if (!accepted.has(root) && !unclear.has(root)) violations.push(`phantom: ${id} started and was never sent`);
  }
  for (const entry of journal)
    if (entry.k === "twice") violations.push(`twice: ${entry.id} was accepted a second time`);
  for (const id of changed) violations.push(`double commit: the final result of ${id} changed`);

  let rerun = 0;
  for (const [id, runs] of starts) {
    const final = finals.get(id);
    const kind = runs[0]?.kind ?? "";
    runs.sort((a, b) => a.t - b.t);
    if (final?.fence !== undefined && final.at !== undefined) {
      const committed = { fence: final.fence, at: final.at };
      const time = commitTime(committed, { starts: runs, ends: ends.get(id) ?? [] }, faults, shadow);
      const newer = runs.find((run) => run.fence > committed.fence && run.t < time.after);
      if (newer)
        violations.push(
          `stale: ${id} was committed by fence ${String(committed.fence)} after fence ${String(newer.fence)} had started`,
        );
      // The time of a commit is the server's as the worker reckons it, which lags behind ours on a starved machine.
      const late = runs.find((run) => run.fence > committed.fence && run.t > time.before + reckoning);
      if (late) violations.push(`late start: ${id} started ${String(late.t - committed.at)} ms after its commit`);
    }
    if (runs.some((run, index) => index > 0 && run.fence <= (runs[index - 1]?.fence ?? 0))) {
      violations.push(`fence: ${id} started with a fence that did not grow`);
    }
    if (kind === "python" && runs.length > 1)
      violations.push(`taken: ${id} started ${String(runs.length)} times in a Python worker that lived`);
    const again = runs.length - new Set(runs.map(({ attempt }) => attempt)).size;
    if (doomed.has(kind)) {
      const around = faults.filter((fault) => fault.t >= (runs[0]?.t ?? 0) - shadow).length;
      if (runs.length > doomedStarts + around)
        violations.push(`budget: ${id} (${kind}) started ${String(runs.length)} times`);
    } else if (again > 0 && kind !== "python") {
      rerun += again;
      const from = runs[0]?.t ?? 0;
      const to = runs.at(-1)?.t ?? 0;
      // A doomed task beside it is a fault of its own: it takes its neighbours in the same process with it.
      const neighbour = journal.some(
        (entry) => entry.k === "start" && doomed.has(entry.kind) && entry.t >= from - shadow && entry.t <= to,
      );
      if (!explained(from, to) && !neighbour)
        violations.push(`unexplained: ${id} (${kind}) ran ${String(runs.length)} times`);
    }
  }
  for (const [step, made] of steps) {
    if (made.length > 1 && !explained(made[0]?.t ?? 0, made.at(-1)?.t ?? 0))
      violations.push(`checkpoint: ${step} was made ${String(made.length)} times`);
  }
  for (const [what, count] of Object.entries(left)) {
    if (count > 0) violations.push(`leak: ${String(count)} messages are still ${what}`);
  }
  const recoveryMs = recovery(journal, bound);
  const { p99 = 0 } = recoveryMs.claim ?? {};
  if (p99 > bound)
    violations.push(`recovery: p99 is ${String(p99)} ms, more than ${String(bound)}: ${recoveryMs.worst}`);
  return {
    accepted: accepted.size,
    unknown: [...unclear.keys()].filter((id) => !accepted.has(id)).length,
    faults: faults.length,
    rerun,
    recoveryMs,
    violations,
  };
}

interface Seen {
  readonly finals: ReadonlyMap<string, Final>;
  readonly starts: ReadonlyMap<string, readonly Run[]>;
  readonly ends: ReadonlyMap<string, readonly Run[]>;
}

/** Parts that did not end as they must, what began before what it waits for, and bodies that were given other results than are stored. */
function brokenWorkflow(job: { readonly id: string; readonly kind: Kind }, { finals, starts, ends }: Seen): string[] {
  const { id, kind } = job;
  const parts = partsOf(job);
  const broken: string[] = [];
  for (const [index, part] of parts.entries()) {
    const wanted = kind === "failing" && index === 0 ? "FAILURE" : "SUCCESS";
    const state = finals.get(part)?.state;
    if (state !== wanted) broken.push(`part: ${part} (${kind}) ended ${state ?? "nowhere"}`);
  }
  const firstStart = (of: string): number => Math.min(...(starts.get(of) ?? []).map(({ t }) => t));
  const firstEnd = (of: string): number => Math.min(...(ends.get(of) ?? []).map(({ t }) => t));
  const waits: readonly (readonly [string, readonly string[]])[] =
    kind === "chain"
      ? [...parts, id].slice(1).map((step, index) => [step, [parts[index] ?? ""]] as const)
      : kind === "chord" || kind === "replaced"
        ? [[id, parts]]
        : [];
  for (const [step, before] of waits) {
    const early = before.find((one) => firstStart(step) < firstEnd(one));
    if (early !== undefined) broken.push(`early: ${step} (${kind}) began before ${early} had ended`);
  }
  if (kind === "failing") {
    const after = finals.get(`${id}-after`)?.state;
    if (after !== "SUCCESS") broken.push(`untold: the error callback of ${id} ended ${after ?? "nowhere"}`);
    if (starts.has(id)) broken.push(`body: that of ${id} ran though a member had failed`);
  }
  if (kind === "chord" || kind === "replaced") {
    const given = membersOf(finals.get(id));
    const stored = parts.map((part) => tokenOf(finals.get(part)));
    if (given !== undefined && given.join() !== stored.join())
      broken.push(`mixed: the body of ${id} was given ${given.join()}, and ${stored.join()} are stored`);
  }
  return broken;
}

function tokenOf(final: Final | undefined): string {
  return String(jsonOf(final)?.["token"]);
}

function membersOf(final: Final | undefined): readonly unknown[] | undefined {
  const of = jsonOf(final)?.["of"];
  return Array.isArray(of) ? (of as readonly unknown[]) : undefined;
}

function jsonOf(final: Final | undefined): Readonly<Record<string, unknown>> | undefined {
  return final?.state === "SUCCESS" ? (JSON.parse(final.result) as Readonly<Record<string, unknown>>) : undefined;
}

function append<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
