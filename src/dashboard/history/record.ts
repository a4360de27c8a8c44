/**
 * All that is kept of one task, and its form in the file. A record is a set of steps and, for each fact, the latest value: to merge
 * events into it in any order, and as often as one likes, gives the same record.
 */

import { foldSteps, type Life } from "./fold.ts";
import { type FactName, factNames, type Saying } from "./reading.ts";
import { addReport, type Report } from "./progress-steps.ts";
import { addStep, kindNumber, type Step, stepKinds } from "./step.ts";
import type { Words } from "./words.ts";
import type { Row } from "./database.ts";

export type FactValue = string | number;
export interface KnownFact {
  readonly value: FactValue;
  /** Of the event that said so. */
  readonly at: number;
}
export class TaskRecord {
  readonly id: string;
  /** In the file; 0: not there yet. */
  row = 0;
  readonly steps: Step[] = [];
  readonly facts: Map<FactName, KnownFact> = new Map();
  /** The latest. */
  progress: Report | undefined;
  /** Some of all, for the timeline. */
  readonly reports: Report[] = [];
  leftOut = 0;
  /** The first moment at which it told of progress or wrote a line; counts while no step is known. */
  sign: number | undefined;
  /** It stands in a workflow, though it may be known by its own name alone. */
  inFlow = false;
  #life: Life | undefined;

  constructor(id: string) {
    this.id = id;
  }

  get life(): Life {
    return (this.#life ??= this.lifeAt(Infinity));
  }

  lifeAt(at: number): Life {
    return foldSteps(this.steps.length === 0 ? this.#signs : this.steps, at);
  }

  /** Who tells of a task's progress only has seen it run. */
  get #signs(): readonly Step[] {
    return this.sign === undefined ? [] : [{ kind: "event", at: this.sign }];
  }

  /** A name or text. */
  fact(name: Exclude<FactName, "eta" | "expires">): string | undefined {
    return this.facts.get(name)?.value as string | undefined;
  }

  moment(name: "eta" | "expires"): number | undefined {
    return this.facts.get(name)?.value as number | undefined;
  }

  /** False: it says nothing new. */
  hear({ step, facts, progress, log, at }: Saying): boolean {
    let news = false;
    if ((progress ?? log) && at < (this.sign ?? Infinity)) {
      this.sign = at;
      news = this.steps.length === 0;
    }
    if (step) {
      const how = addStep(this.steps, step);
      if (how === "left out") this.leftOut++;
      news = how !== "known";
    }
    if (facts) {
      for (const name of factNames) {
        const value = facts[name];
        if (value !== undefined && this.#learn(name, { value, at })) news = true;
      }
    }
    if (progress) {
      const [done, total, note] = progress;
      if (addReport(this.reports, { done, total, note, at })) news = true;
      const before = this.progress;
      if (before === undefined || at > before.at || (at === before.at && done > before.done)) {
        this.progress = { done, total, note, at };
        news = true;
      }
    }
    if (news) this.#life = undefined;
    return news;
  }

  #learn(name: FactName, fact: KnownFact): boolean {
    const known = this.facts.get(name);
    if (known !== undefined && !(fact.at > known.at || (fact.at === known.at && fact.value > known.value)))
      return false;
    this.facts.set(name, fact);
    return true;
  }
}

type StoredStep = readonly (number | string | null)[];
interface StoredLife {
  /** Time of the first step, which the others count from. */
  readonly t: number;
  readonly s: readonly StoredStep[];
  /** Stamps of the facts, counted likewise, in their order; -1: unknown. A number: the same for all that are known. */
  readonly f: number | readonly number[];
  readonly e?: number | undefined;
  readonly x?: number | undefined;
  /** Its root, if it is another. */
  readonly r?: string | undefined;
  readonly p?: readonly [number, number | null, string | null, number];
  /** Reports of progress, their moments counted likewise. Absent: the latest alone is known. */
  readonly g?: readonly (readonly [number, number | null, string | null, number])[];
  readonly o?: number;
  readonly n?: number | undefined;
}

export function writeLife(record: TaskRecord, words: Words): string {
  const first = record.life.seen;
  const { progress, leftOut } = record;
  const known = [...record.facts.values()];
  const same = known[0]?.at;
  const stored: StoredLife = {
    t: first,
    s: record.steps.map((step) => writeStep(step, first, words)),
    f:
      same !== undefined && known.every(({ at }) => at === same)
        ? same - first
        : factNames.map((name) => {
            const fact = record.facts.get(name);
            return fact === undefined ? noStamp : fact.at - first;
          }),
    e: record.moment("eta"),
    x: record.moment("expires"),
    r: record.fact("root"),
    ...(progress && { p: [progress.done, progress.total, progress.note, progress.at] }),
    ...(record.reports.length > 1 && {
      g: record.reports.map((one) => [one.done, one.total, one.note, one.at - first]),
    }),
    ...(leftOut > 0 && { o: leftOut }),
    ...(record.steps.length === 0 && { n: record.sign }),
  };
  return JSON.stringify(stored);
}
const noStamp = Number.MIN_SAFE_INTEGER;

function writeStep(
  { kind, at, worker, pid, attempt, fence, text, due, queue }: Step,
  first: number,
  words: Words,
): StoredStep {
  const all: (number | string | null)[] = [
    kindNumber(kind),
    at - first,
    worker === undefined ? null : words.number(worker),
    pid ?? null,
    queue === undefined ? null : words.number(queue),
    attempt ?? null,
    fence ?? null,
    text ?? null,
    due ?? null,
  ];
  while (all.length > 2 && all.at(-1) === null) all.pop();
  return all;
}

/** What {@link recordOf} reads. */
export const recordColumns = "id, life, name, flow, parent, grp, args, kwargs, result, error, trace";

/** A row with {@link recordColumns}. */
export function recordOf(id: string, row: Row, words: Words): TaskRecord {
  const [number, life, name, flow, parent, group, args, kwargs, result, error, trace] = row;
  const stored = JSON.parse(life as string) as StoredLife;
  const record = new TaskRecord(id);
  record.row = number as number;
  record.inFlow = flow !== null && flow !== undefined;
  for (const step of stored.s) record.steps.push(readStep(step, stored.t, words));
  const values: Readonly<Record<FactName, FactValue | undefined>> = {
    task: words.text(name as number),
    root: stored.r,
    parent: idIn(parent),
    group: idIn(group),
    eta: stored.e,
    expires: stored.x,
    args: textIn(args),
    kwargs: textIn(kwargs),
    result: textIn(result),
    error: textIn(error),
    trace: textIn(trace),
  };
  factNames.forEach((fact, index) => {
    const value = values[fact];
    if (value === undefined) return;
    const stamp = typeof stored.f === "number" ? stored.f : (stored.f[index] ?? 0);
    record.facts.set(fact, { value, at: stored.t + stamp });
  });
  if (stored.p) record.progress = { done: stored.p[0], total: stored.p[1], note: stored.p[2], at: stored.p[3] };
  if (stored.g)
    for (const [done, total, note, after] of stored.g) record.reports.push({ done, total, note, at: stored.t + after });
  else if (record.progress) addReport(record.reports, record.progress);
  record.leftOut = stored.o ?? 0;
  record.sign = stored.n;
  return record;
}

const textIn = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const idIn = (key: Row[number] | undefined): string | undefined =>
  typeof key === "string" || key instanceof Uint8Array ? idOf(key) : undefined;

function readStep(
  [kind, at, worker, pid, queue, attempt, fence, text, due]: StoredStep,
  first: number,
  words: Words,
): Step {
  const number = (value: number | string | null | undefined): number | undefined =>
    (value ?? undefined) as number | undefined;
  return {
    kind: stepKinds[kind as number] ?? "event",
    at: first + (at as number),
    worker: typeof worker === "number" ? words.text(worker) : undefined,
    pid: number(pid),
    queue: typeof queue === "number" ? words.text(queue) : undefined,
    attempt: number(attempt),
    fence: number(fence),
    text: (text ?? undefined) as string | undefined,
    due: number(due),
  };
}

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** A task id as the file keys it. */
export function keyOf(id: string): Uint8Array | string {
  return isUuid(id) ? Buffer.from(id.replaceAll("-", ""), "hex") : id;
}

export function idOf(key: Uint8Array | string): string {
  if (typeof key === "string") return key;
  const hex = Buffer.from(key).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
