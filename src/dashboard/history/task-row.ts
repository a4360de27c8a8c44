/** A record as the dashboard shows it: the table's line, and all attempts, as they were at a moment. */

import type { Attempt, TaskRow, TaskState, TimelineStep } from "../contract.ts";
import { beforeItRan, type Life, skew, type Span, tellsError } from "./fold.ts";
import { withReports } from "./progress-steps.ts";
import type { TaskRecord } from "./record.ts";
import type { Step } from "./step.ts";

const longestArgs = 1_000;

/** `undefined`: it was not there yet. */
export function rowOf(record: TaskRecord, at: number): TaskRow | undefined {
  const life = record.lifeAt(at);
  const span = spanAt(life, at);
  if (!span) return undefined;
  const { state } = span;
  const { progress } = record;
  const root = record.fact("root");
  return present<TaskRow>({
    id: record.id,
    task: record.fact("task"),
    state,
    since: span.from,
    seen: life.seen,
    queue: span.queue,
    worker: span.worker,
    args: record.fact("args")?.slice(0, longestArgs),
    kwargs: record.fact("kwargs")?.slice(0, longestArgs),
    attempts: life.runs.length,
    waited: waitedOf(life, state, at),
    ran: ranOf(life, at),
    error: state === "succeeded" ? undefined : life.error,
    progress:
      progress === undefined || progress.at > at
        ? undefined
        : present({
            done: progress.done,
            total: progress.total ?? undefined,
            note: progress.note ?? undefined,
            at: progress.at,
          }),
    due: life.due !== undefined && life.due > at && waiting(state) ? life.due : undefined,
    root: root ?? record.fact("group"),
  });
}

/** The stretch that covers the moment. */
export function spanAt({ spans }: Life, at: number): Span | undefined {
  return spans.findLast(({ from }) => from <= at);
}

function waiting(state: TaskState): boolean {
  return state === "queued" || state === "delayed" || state === "retrying";
}

function waitedOf(life: Life, state: TaskState, at: number): number | undefined {
  const [first] = life.runs;
  if (first) return first.wait;
  if (state !== "queued") return undefined;
  return Math.max(0, at - Math.max(life.seen, life.due ?? 0));
}

function ranOf({ runs }: Life, at: number): number | undefined {
  const last = runs.at(-1);
  return last && (last.end ?? at) - last.start;
}

const ends = {
  succeeded: 1,
  failed: 1,
  retried: 1,
  returned: 1,
  crashed: 1,
  revoked: 1,
  rejected: 1,
  dead: 1,
} as const;

/** Each from its claim to its end. What happens between two belongs to the one before, being queued to the one after. */
export function attemptsOf(record: TaskRecord, at: number): readonly Attempt[] {
  const groups: Step[][] = [];
  let ended = true;
  for (const step of withReports(record.steps, record.reports)) {
    if (step.at > at) break;
    const begins = step.kind === "sent" || step.kind === "received" || step.kind === "started";
    const group = groups.at(-1);
    if (step.text === beforeItRan && group?.some(({ kind }) => kind === "started")) continue;
    // The next run may be told of before the end of this one: whoever takes it is another worker, or quicker.
    const next = begins && step.kind !== "sent" && attemptIn(group) > 0 && (step.attempt ?? 0) > attemptIn(group);
    const former = step.kind in ends ? groups.findLast((one) => attemptIn(one) === step.attempt) : undefined;
    if (former !== undefined && former !== group) {
      former.push(step);
      continue;
    }
    if (!group || next || (ended && begins && !isLate(step, group))) {
      groups.push([step]);
      ended = false;
    } else group.push(step);
    if (step.kind in ends) ended = true;
  }
  return groups.map((group, index) => attemptOf(group, index, groups[index - 1]));
}

/** The run's number, as whoever ran it says; 0: nobody did. */
function attemptIn(group: readonly Step[] | undefined): number {
  return group?.find(({ kind, attempt }) => kind !== "sent" && attempt !== undefined)?.attempt ?? 0;
}

/** Who sends tells it apart from who runs: the word that it was sent may come when the run is over. Much later it is sent once more. */
function isLate({ kind, at, attempt = 1 }: Step, group: readonly Step[]): boolean {
  const last = group.at(-1);
  if (kind !== "sent" || last === undefined || at - last.at > skew) return false;
  return group.some((step) => (step.attempt ?? 0) >= attempt);
}

function attemptOf(told: readonly Step[], index: number, before: readonly Step[] | undefined): Attempt {
  const group = inOrder(told);
  const first = (...kinds: readonly Step["kind"][]): Step | undefined => group.find(({ kind }) => kinds.includes(kind));
  const started = first("started", "checkpoint", "progress", "event");
  const claimed = first("received");
  const end = group.findLast(({ kind }) => kind in ends);
  const left = before?.findLast(({ kind }) => kind === "retried" || kind === "returned" || kind === "crashed");
  const who = started ?? claimed ?? end;
  const fenced = group.findLast(({ fence }) => fence !== undefined);
  return present<Attempt>({
    number: index + 1,
    worker: who?.worker,
    pid: end?.pid ?? started?.pid,
    fence: fenced?.fence,
    queued: left === undefined ? sentAt(first("sent"), claimed, started) : Math.max(left.at, left.due ?? 0),
    claimed: claimed?.at,
    started: started?.at,
    ended: end?.at,
    end: end?.kind as Attempt["end"],
    error: group.findLast(({ kind, text }) => text !== undefined && tellsError(kind))?.text,
    steps: group.map(timelineStep),
  });
}

/** Who sends says so once the message is there, and a worker may be quicker: it was sent before it was claimed all the same. */
function inOrder(group: readonly Step[]): readonly Step[] {
  const sent = group.find(({ kind }) => kind === "sent");
  return sent === undefined || sent === group[0] ? group : [sent, ...group.filter((step) => step !== sent)];
}

function sentAt(sent: Step | undefined, claimed: Step | undefined, started: Step | undefined): number | undefined {
  return sent === undefined ? claimed?.at : Math.min(sent.at, (claimed ?? started)?.at ?? sent.at);
}

function timelineStep({ kind, at, worker, pid, fence, text, due }: Step): TimelineStep {
  return present<TimelineStep>({ kind, at, worker, pid, fence, text, due });
}

/** Whatever order they were told of in. */
export function bySeen(a: Pick<TaskRow, "seen" | "id">, b: Pick<TaskRow, "seen" | "id">): number {
  return a.seen - b.seen || (a.id < b.id ? -1 : 1);
}

type Gappy<T> = { readonly [K in keyof T]: T[K] | undefined };

/** Without the fields that are undefined: absent is how the contract says that nobody can tell. */
export function present<T extends object>(value: Gappy<T>): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
