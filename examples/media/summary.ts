/** What the demo says in the end, for people and for programs. */

import type { Killed } from "./crew.ts";
import type { DashboardView } from "./dashboard.ts";
import type { Count, Screen } from "./screen.ts";
import type { Verdict } from "./verify.ts";

export interface Summary {
  readonly ok: boolean;
  readonly images: number;
  /** Tasks the API answered 202 for. */
  readonly accepted: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Accepted and not final: must be 0. */
  readonly lost: number;
  /** Runs beyond the first, counted in the tasks' own journal. */
  readonly rerun: number;
  /** Tasks that ended more than once: must be 0. */
  readonly finishedTwice: number;
  /** Runs that the kill cut off. */
  readonly interrupted: number;
  readonly workersKilled: number;
  readonly workersReplaced: number;
  /** Processes of the killed worker that outlived it: must be 0. */
  readonly orphans: number;
  /** Background tasks that ran: one mail an upload. */
  readonly mails: number;
  readonly seconds: number;
  readonly tasksPerSecond: number;
  readonly perWorker: Readonly<Record<string, number>>;
  /** What the dashboard answered, asked over HTTP. */
  readonly dashboard: DashboardView;
  readonly problems: readonly string[];
}

export interface SummaryParts {
  readonly verdict: Verdict;
  readonly dashboard: DashboardView;
  readonly killed: Killed;
  readonly orphans: readonly number[];
  readonly mails: number;
  readonly images: number;
  readonly seconds: number;
  readonly twice: number;
  readonly counts: readonly Count[];
}

export function makeSummary({
  verdict,
  dashboard,
  killed,
  orphans,
  mails,
  images,
  seconds,
  twice,
  counts,
}: SummaryParts): Summary {
  const problems = [...verdict.problems];
  if (twice > 0) problems.push(`${twice} tasks ended more than once`);
  if (orphans.length > 0) problems.push(`processes of the killed worker are still there: ${orphans.join(", ")}`);
  if (mails !== images) problems.push(`${mails} mails were written for ${images} uploads`);
  if (!dashboard.answered) problems.push(`the dashboard's page did not come from ${dashboard.url}`);
  if (dashboard.succeeded === 0) problems.push("the dashboard shows no finished thumbnail");
  const { accepted, succeeded, failed, lost, rerun } = verdict;
  return {
    ok: accepted > 0 && succeeded === accepted && problems.length === 0,
    images,
    accepted,
    succeeded,
    failed,
    lost,
    rerun,
    finishedTwice: twice,
    interrupted: killed.interrupted.length,
    workersKilled: 1,
    workersReplaced: 1,
    orphans: orphans.length,
    mails,
    seconds: round(seconds),
    tasksPerSecond: round(succeeded / seconds),
    perWorker: Object.fromEntries(counts.map(({ worker, done }) => [worker, done])),
    dashboard,
    problems,
  };
}

export function printSummary(screen: Screen, summary: Summary): void {
  const row = (name: string, value: string | number, note = ""): void =>
    screen.say(`  ${name.padEnd(22)} ${String(value).padStart(8)}${note === "" ? "" : `   ${note}`}`);
  screen.say();
  row("images", summary.images);
  row("thumbnails", summary.succeeded, `of ${summary.accepted} accepted; each opened again by a separate process`);
  row("re-run after the kill", summary.rerun, `${summary.interrupted} were cut off; counted in the tasks' own journal`);
  row("lost", summary.lost);
  row("seconds", summary.seconds);
  row("tasks per second", summary.tasksPerSecond);
  row("seen by the dashboard", summary.dashboard.succeeded, summary.dashboard.url);
  screen.say();
  for (const problem of summary.problems) screen.say(`  PROBLEM  ${problem}`);
  screen.say(
    summary.ok ? "  Every accepted task has exactly one result." : "  NOT every accepted task has exactly one result.",
  );
  screen.say();
}

function round(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 100) / 100 : 0;
}
