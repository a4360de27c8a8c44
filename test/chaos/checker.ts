/**
 * The verdict on a run, from the journal and the final state alone: a pure function, so that it can be tested without a queue.
 *
 * An id whose `enqueue` threw without an answer may or may not have been accepted: "unknown" is an outcome of its own and never a failure.
 */

import { brokenAcceptance } from "./acceptance.ts";
import { commitTime } from "./commit-time.ts";
import { Explanations, mostAttempts } from "./explanations.ts";
import type { History } from "./history.ts";
import type { Run } from "./journal.ts";
import type { BrokerName } from "./stage.ts";
import type { ProgressLimits, RecoveryLimits } from "./limits.ts";
import { type Progress, progress, stuck } from "./progress.ts";
import { type Recovery, recovery, tooLate } from "./recovery.ts";
import { brokenTimes, type Herd, herdTimes } from "./timing-check.ts";
import { brokenWorkflow } from "./workflow-check.ts";
import { doomed, jobOf, type Kind } from "./workload.ts";

/** What the store holds for an id in the end. */
export interface Final {
  readonly state: string;
  /** JSON text of the stored result, or a digest of a long one. */
  readonly result: string;
  /** Fence of the claim that committed; `undefined` if the result carries none. */
  readonly fence: number | undefined;
  /** Unix ms at which the committing worker ended it. */
  readonly at: number | undefined;
}

export interface Evidence {
  readonly history: History;
  /** Ids of all jobs that were sent. */
  readonly sent: ReadonlySet<string>;
  readonly finals: ReadonlyMap<string, Final>;
  /** Ids whose final result was seen to change between two polls. */
  readonly changed: ReadonlySet<string>;
  readonly dead: ReadonlyMap<string, { readonly reason: string; readonly attempts: number }>;
  /** What is left in the queue after the drain. */
  readonly left: { readonly ready: number; readonly leased: number; readonly delayed: number };
  readonly broker: BrokerName;
  /** Ms for which a fault may have its effect after it is over: lease, sweep, and a margin. */
  readonly shadow: number;
  /** Ms. */
  readonly lease: number;
  /** Within which what the dead held must be claimed again. */
  readonly limits: RecoveryLimits;
  /** Within which something must go on, and all be done. */
  readonly going: ProgressLimits;
}

export interface Verdict {
  readonly accepted: number;
  readonly unknown: number;
  readonly faults: number;
  readonly rerun: number;
  /** Repeats by what explains them. */
  readonly explained: Readonly<Record<string, number>>;
  readonly recoveryMs: Recovery;
  readonly progressMs: Progress;
  readonly herdMs: Herd | undefined;
  /** Empty = the run is green. One line each, with the id. */
  readonly violations: readonly string[];
}

/** Of each task of a run. */
const crashBudget = 3;

/** Most starts of a doomed task: three counted crashes, one suspicion before each can be told apart, and one a fault. */
const doomedStarts = crashBudget * 2;

/**
 * Ms between the registering of a start and the start. Where a link broke after a retry was sent and before its former message was acknowledged,
 * that one comes again, and two attempts lie side by side: both are registered, and the later one may be quicker to begin.
 */
const beginning = 1000;

/** Ms by which a commit's stored time may lag behind the journal's clock. */
const reckoning = 500;

function childrenKilled(history: History, id: string): number {
  const kills = history.faults.filter(({ fault }) => fault === "kill child");
  return history.of(id).starts.filter(({ pid, t }) => kills.some((kill) => kill.target === pid && kill.t >= t)).length;
}

export function check(evidence: Evidence): Verdict {
  const { history, sent, finals, changed, dead, left, limits, shadow } = evidence;
  const { accepted, unclear, faults, steps } = history;
  const violations = brokenAcceptance(history, sent, shadow);
  const explanations = new Explanations(history, evidence);
  const explained: Record<string, number> = {};

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
    } else if (letter?.reason === "crashed" && childrenKilled(history, id) >= crashBudget) {
      // By the run itself, as often as its budget allows: it looks like what kills its process.
    } else {
      const wanted = kind === "failing" || kind === "endless" ? "FAILURE" : "SUCCESS";
      if (final.state !== wanted)
        violations.push(`failed: ${id} (${kind}) ended ${final.state}: ${final.result.slice(0, 200)}`);
      if (letter) violations.push(`innocent: ${id} (${kind}) is in the dead letters (${letter.reason})`);
    }
    if (kind === "linked") {
      const follow = finals.get(`${id}-after`);
      if (follow?.state !== "SUCCESS") violations.push(`cut: what follows ${id} ended ${follow?.state ?? "nowhere"}`);
    }
    violations.push(...brokenWorkflow({ id, kind: kind as Kind }, finals, history));
  }
  violations.push(...brokenTimes(history, finals, evidence.broker));
  for (const id of history.twice) violations.push(`twice: ${id} was accepted a second time`);
  for (const id of changed) violations.push(`double commit: the final result of ${id} changed`);

  let rerun = 0;
  const jumps = faults.filter(({ by }) => by !== undefined);
  for (const id of history.ids) {
    const task = history.of(id);
    const { starts: runs, ends } = task;
    if (runs.length === 0) continue;
    const root = jobOf(id);
    if (!accepted.has(root) && !unclear.has(root)) violations.push(`phantom: ${id} started and was never sent`);
    const final = finals.get(id);
    const kind = runs[0]?.kind ?? "";
    if (final?.fence !== undefined && final.at !== undefined) {
      const committed = { fence: final.fence, at: final.at };
      const time = commitTime(committed, { starts: runs, ends }, jumps, shadow);
      const newer = runs.find((run) => run.fence > committed.fence && run.t < time.after);
      if (newer)
        violations.push(
          `stale: ${id} was committed by fence ${String(committed.fence)} after fence ${String(newer.fence)} had started`,
        );
      // The time of a commit is the server's as the worker reckons it, which lags behind ours on a starved machine.
      const late = runs.find((run) => run.fence > committed.fence && run.t > time.before + reckoning);
      if (late) violations.push(`late start: ${id} started ${String(late.t - committed.at)} ms after its commit`);
    }
    if (runs.some((run, index) => index > 0 && isBehind(run, runs[index - 1] ?? run))) {
      violations.push(`fence: ${id} started with a fence that did not grow`);
    }
    if (kind === "python" && runs.length > 1)
      violations.push(`taken: ${id} started ${String(runs.length)} times in a Python worker that lived`);
    const again = runs.length - new Set(runs.map(({ attempt }) => attempt)).size;
    if (doomed.has(kind)) {
      if (runs.length > doomedStarts + explanations.ofDoomed(task))
        violations.push(`budget: ${id} (${kind}) started ${String(runs.length)} times`);
    } else if (again > 0 && kind !== "python") {
      rerun += again;
      const reasons = explanations.of(task);
      for (const reason of reasons) if (reason !== undefined) explained[reason] = (explained[reason] ?? 0) + 1;
      if (reasons.includes(undefined)) violations.push(`unexplained: ${id} (${kind}) ran ${String(runs.length)} times`);
    }
    const attempts = Math.max(...runs.map(({ attempt }) => attempt));
    if (attempts > (kind === "flaky" ? mostAttempts : 1))
      violations.push(`attempts: ${id} (${kind}) was begun as attempt ${String(attempts)}`);
  }
  if (rerun > explanations.most)
    violations.push(`many: ${String(rerun)} runs were repeats, and all faults explain ${String(explanations.most)}`);
  for (const [step, { id, times }] of steps) {
    if (times === 1) continue;
    const reasons = explanations.of(history.of(id));
    if (reasons.length === 0 || reasons.includes(undefined))
      violations.push(`checkpoint: ${step} was made ${String(times)} times`);
  }
  for (const [what, count] of Object.entries(left)) {
    if (count > 0) violations.push(`leak: ${String(count)} messages are still ${what}`);
  }
  const recoveryMs = recovery(history, limits);
  const progressMs = progress(history, evidence.broker);
  violations.push(...tooLate(recoveryMs, limits), ...stuck(progressMs, evidence.going));
  return {
    accepted: accepted.size,
    unknown: [...unclear.keys()].filter((id) => !accepted.has(id)).length,
    faults: faults.length,
    rerun,
    explained,
    recoveryMs,
    progressMs,
    herdMs: herdTimes(history),
    violations,
  };
}

/** It started after the other and has no higher fence. A fence is the moment, in microseconds, at which its start was registered. */
function isBehind(run: Run, before: Run): boolean {
  if (run.fence > before.fence) return false;
  return run.fence === before.fence || run.attempt >= before.attempt || run.t - run.fence / 1000 > beginning;
}
