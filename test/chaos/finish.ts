/** The end of a run: what was begun may end, everything is stopped, and the verdict is passed. */

import { check, type Verdict } from "./checker.ts";
import type { Visits } from "./dashboard-visitor.ts";
import type { Fault } from "./fault-plan.ts";
import { History } from "./history.ts";
import { JournalReader } from "./journal.ts";
import { heldOpen, leftOver, untilLetGo } from "./leaks.ts";
import { progressLimits, recoveryLimits, shadowOf } from "./limits.ts";
import { hour } from "./machine-faults.ts";
import type { Observer } from "./observer.ts";
import { processes } from "./room.ts";
import { forbidden } from "./skips.ts";
import type { Stage } from "./stage.ts";
import { checkTicks, putForward } from "./tick-check.ts";

export interface Outcome extends Verdict {
  /** Of schedules: those that were due, of them those that were owed, and of those the ones that were missed as `misfire` says. */
  readonly ticks: { readonly due: number; readonly owed: number; readonly missed: number };
  readonly dashboard: Omit<Visits, "violations">;
  /** What was left where nothing may be, each once by its name. */
  readonly leaks: number;
  /** Ms within which what a dead worker held must be claimed again, 99 of 100 times. */
  readonly bound: number;
  readonly versions: Readonly<Record<string, string>>;
  /** Kinds of faults that this machine cannot have, and why. */
  readonly skipped: Readonly<Record<string, string>>;
}

/** Time from one final result to the next after the last fault: the longest task, lease, sweep, and crashes one after the other. */
const drainLimit = 90_000;

/** Once the last fault is over. `history`: is filled with all that the journal says in the end. */
export async function finish(
  stage: Stage,
  observer: Observer,
  struck: readonly Fault[],
  history: History = new History(),
): Promise<Outcome> {
  const { broker, lease } = stage.setup;
  const reader = new JournalReader(stage.journalPath);
  await history.readOn(reader);
  const faults = [...history.faults];
  const [ticks, { violations: unseen, ...dashboard }] = await Promise.all([
    stage.ticks.settle(stage.apart, putForward(faults) === undefined),
    stage.visitor.leave(),
  ]);
  const leaks = [...(await heldOpen({ scheduler: stage.schedulers, dashboard: stage.dashboard }, 0))];
  await Promise.all([stage.schedulers.close(8000), stage.dashboard.close(8000)]);
  if (struck.some((fault) => fault.endsWith("clock jumps"))) await release(stage);
  await history.readOn(reader);
  await observer.drain(drainLimit, history.accepted);
  await untilLetGo(stage);
  // What was given back meanwhile is a copy, to be dropped as well.
  await observer.drain(drainLimit, history.accepted);
  leaks.push(...(await heldOpen({ worker: stage.workers }, processes)));
  await stage.workers.close(8000);
  await history.readOn(reader);
  const evidence = await observer.evidence();
  leaks.push(...(await leftOver(stage, evidence.dead.size)));
  const [limits, going, shadow] = [recoveryLimits(stage.setup), progressLimits(stage.setup), shadowOf(stage.setup)];
  const verdict = check({ history, ...evidence, broker, shadow, lease, limits, going });
  const ticking = checkTicks(ticks, faults);
  return {
    ...verdict,
    violations: [
      ...verdict.violations,
      ...ticking.violations,
      ...unseen,
      ...leaks,
      ...forbidden(stage.impossible, process.env["CELERIAC_REQUIRE"]),
    ],
    ticks: { due: ticking.ticks, owed: ticking.owed, missed: ticking.missed },
    dashboard,
    leaks: leaks.length,
    bound: limits.p99,
    versions: await stage.versions(),
    skipped: Object.fromEntries(stage.impossible),
  };
}

/**
 * What was delayed while a clock was an hour ahead is due an hour later: delays are off by the step, and nothing else. The clocks are
 * put there again, so that the run can see it end.
 */
async function release({ machines, journal, workers, setup }: Stage): Promise<void> {
  const t = Date.now();
  // Longer than any delay of a task in a run.
  await Promise.all([machines.workerClock?.set(hour + 10_000), machines.redisClock?.set(hour + 10_000)]);
  const entry = { k: "fault", t, until: t + setup.lease, target: 0, by: hour } as const;
  journal.add({ ...entry, fault: "worker clock jumps", target: workers.odd ?? 0 });
  if (machines.redisClock) journal.add({ ...entry, fault: "redis clock jumps" });
}
