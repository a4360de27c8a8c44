/**
 * The scheduler's loop. Any number of them run; the one that leads looks what is due, and sends each tick in the one step of the lease that
 * also notes that it fired. What a leader remembers is a copy: another one that takes over reads the same from the store.
 *
 *   following ──term is ours──▶ leading ──not renewed, or "not-leader"──▶ following
 *       ╰────────────── unreachable: tried again, a little later each time ──────────────╯
 */

import { TwoStepLease } from "../app/two-step-lease.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { Outgoing } from "../port/broker.ts";
import type { Joins } from "../port/joins.ts";
import type { Fired } from "../port/lease.ts";
import { type Call, sendTick } from "./call.ts";
import { stillRuns } from "./former-run.ts";
import { formerRun, type Line } from "./line.ts";
import { lastDue, planNext, type Step } from "./plan.ts";
import { Timetable, type TimetableParts } from "./timetable.ts";

/** How often at most a follower asks to lead, a leader looks for changed entries, and a tick that waits for the end of the run before, ms. */
const lookEvery = 1_000;
/** Entries that are sent at the same time. */
const sideBySide = 64;
/** Messages that one step can send. */
const mostInOneStep = 500;
/** Waits between attempts to reach the server, ms; the last one repeats. */
const pauses = [100, 200, 500, 1_000, 2_000, 5_000] as const;
/** Longest wait for a database to take a term back when a scheduler stops, ms. */
const releasePatience = 2_000;
/** Longest wait before a full queue is tried again, ms. */
const longestPause = 30_000;

export interface BeatParts extends TimetableParts {
  readonly backend: Backend;
  /** In place of a second, ms. */
  readonly lookEvery?: number | undefined;
}

export class Beat {
  readonly #parts: BeatParts;
  readonly #timetable: Timetable;
  /** For what is too large for one step. */
  readonly #twoSteps: TwoStepLease;
  readonly #lookEvery: number;
  #reachable = true;
  #leading = false;

  constructor(parts: BeatParts) {
    const { core, backend, lease } = parts;
    this.#parts = parts;
    this.#lookEvery = parts.lookEvery ?? lookEvery;
    this.#timetable = new Timetable(parts);
    this.#twoSteps = new TwoStepLease(lease, backend.broker, core.config);
  }

  get leading(): boolean {
    return this.#leading;
  }

  /** Ends when the signal aborts; rejects when its connection was closed under it. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts.core;
    for (let failures = 0; !signal.aborted;) {
      let wait: number;
      try {
        wait = await this.#turn(signal);
        failures = 0;
        this.#reached();
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof CeleriacError && error.code === "BACKEND_CLOSED") throw error;
        this.#unreached(error);
        wait = pauses[Math.min(failures++, pauses.length - 1)] ?? 0;
      }
      await clock.sleep(wait, signal).catch(() => {}); // rejects with the end of the loop
    }
    this.#leading = false;
    await this.#release();
  }

  /** A courtesy: the term ends by itself, and a supervisor that waits for this process has little patience. */
  async #release(): Promise<void> {
    const over = Promise.withResolvers<void>();
    using _limit = this.#parts.core.clock.after(releasePatience, over.resolve);
    await Promise.race([this.#parts.leadership.release().catch(() => {}), over.promise]);
  }

  /** Does what is due; resolves with the ms until there is more to do. */
  async #turn(signal: AbortSignal): Promise<number> {
    const { leadership } = this.#parts;
    if (!(await leadership.keep())) {
      this.#follow();
      if (!(await leadership.seek())) return Math.min(lookEvery, leadership.seekEvery);
      this.#lead();
    }
    for (;;) {
      await this.#timetable.refresh(this.#lookEvery);
      const due = this.#timetable.due(leadership.now());
      if (due.length === 0) break;
      for (let at = 0; at < due.length; at += sideBySide) {
        if (signal.aborted || !(await leadership.keep())) return 0;
        await allOf(due.slice(at, at + sideBySide).map((line) => this.#advance(line)));
      }
    }
    const next = this.#timetable.next - leadership.now();
    return Math.max(0, Math.min(next, leadership.renewIn, this.#lookEvery));
  }

  /** One step of one entry. */
  async #advance(line: Line): Promise<void> {
    const { leadership } = this.#parts;
    if (leadership.term === undefined) return;
    const { entry } = line;
    const now = leadership.now();
    let step: Step;
    try {
      const waited = line.waits ? lastDue(entry, line.cursor, now) : undefined;
      step =
        waited === undefined
          ? planNext(entry, line.cursor, now, line.allowed)
          : { kind: "send", tick: waited, late: false };
    } catch (error) {
      return this.#shelve(line, now, error);
    }
    if (step.kind === "wait") {
      line.due = step.until;
      return;
    }
    line.allowed = now - entry.policy.grace;
    if (step.kind === "skip") return this.#skip(line, step.tick, step.why);
    try {
      if (await this.#overlaps(line, now)) return await this.#hold(line, step.tick, now);
    } catch (error) {
      if (isHopeless(error)) return this.#shelve(line, step.tick, error);
      throw error;
    }
    line.waits = false;
    await this.#send(line, step.tick, step.late);
  }

  /** The run before has not ended. */
  async #hold(line: Line, tick: number, now: number): Promise<void> {
    if (line.entry.policy.overlap === "skip") return this.#skip(line, tick, "overlap");
    if (!line.waits) this.#tell("schedule:waiting", line, tick, { text: "the run before has not ended" });
    line.waits = true;
    line.due = now + lookEvery;
  }

  async #send(line: Line, tick: number, late: boolean): Promise<void> {
    const { core } = this.#parts;
    const { entry } = line;
    let prepared = false;
    let sent: { readonly call: Call; readonly answer: Fired };
    try {
      sent = await sendTick(core, entry, tick, async (call) => {
        prepared = true;
        if (call.joins.length > 0) await this.#joins().open(call.joins);
        return { call, answer: await this.#fire(line, tick, call.sends) };
      });
    } catch (error) {
      if (!prepared) return this.#shelve(line, tick, error);
      if (isTemporary(error)) return this.#retryLater(line, tick, error);
      if (isHopeless(error)) return this.#shelve(line, tick, error);
      line.due = this.#parts.leadership.now() + lookEvery; // the others first, should it be this one's fault
      throw error;
    }
    const { call, answer } = sent;
    if (answer === "not-leader") return;
    line.pause = 0;
    if (answer === "fired-before") {
      this.#tell("schedule:skipped", line, tick, { code: "fired-before" });
      return;
    }
    core.tellSent(this.#parts.backend, call.sends);
    line.former = formerRun(call.result, tick);
    const text = answer === "mine-already" ? "sent before" : late ? "late" : undefined;
    this.#tell("schedule:sent", line, tick, { id: call.result.id, ...(text !== undefined && { text }) });
  }

  /** The tick is used up, and nothing is sent: noted, so that no scheduler makes up for it. */
  async #skip(line: Line, tick: number, why: string): Promise<void> {
    if ((await this.#fire(line, tick, [])) === "not-leader") return;
    this.#tell("schedule:skipped", line, tick, { code: why });
    if (why === "too-many") {
      const { name, policy } = line.entry;
      const text = `more than ${String(policy.limit)} ticks of "${name}" were missed; the last ${String(policy.limit)} are made up for`;
      this.#parts.report.warning("SCHEDULE_TOO_LATE", text, { schedule: name, tick });
    }
  }

  async #fire(line: Line, tick: number, sends: readonly Outgoing[]): Promise<Fired> {
    const { lease, leadership } = this.#parts;
    const { term } = leadership;
    if (term === undefined) return "not-leader";
    const step = sends.length > mostInOneStep ? this.#twoSteps : lease;
    const answer = await step.fire(term, line.entry.name, tick, sends);
    // Another line may have heard it first, and a new term may stand there already.
    if (answer === "not-leader" && leadership.term === term) leadership.lose();
    if (answer !== "not-leader") line.cursor = tick;
    return answer;
  }

  #joins(): Joins {
    const { joins } = this.#parts.backend.store;
    if (joins !== undefined) return joins;
    throw new CeleriacError(
      "NOT_SUPPORTED",
      "A chord needs a place where its members are counted, and results that are sent back (rpc://) are kept nowhere. Name a store with `results`.",
    );
  }

  async #overlaps(line: Line, now: number): Promise<boolean> {
    const { core, backend } = this.#parts;
    const { entry, former } = line;
    if (entry.policy.overlap === "allow" || former === undefined) return false;
    return stillRuns(core, backend, entry, former, now);
  }

  #retryLater(line: Line, tick: number, error: unknown): void {
    const { name } = line.entry;
    if (line.pause === 0)
      this.#parts.report.warning("SCHEDULE_REFUSED", `"${name}" is tried again`, { schedule: name, tick }, error);
    line.pause = Math.min(longestPause, line.pause === 0 ? lookEvery : line.pause * 2);
    line.due = this.#parts.leadership.now() + line.pause;
  }

  /** Not looked at again before it is changed. */
  #shelve(line: Line, tick: number, error: unknown): void {
    const { name } = line.entry;
    line.due = Infinity;
    const text = `"${name}" cannot be sent and rests until it is changed`;
    this.#parts.report.warning("SCHEDULE_BROKEN", text, { schedule: name, tick }, error);
  }

  #lead(): void {
    this.#leading = true;
    this.#parts.report.emit("beat:leading", { detail: { term: this.#parts.leadership.term?.term } });
  }

  #follow(): void {
    if (!this.#leading) return;
    this.#leading = false;
    this.#timetable.clear();
    this.#parts.report.emit("beat:following");
  }

  #reached(): void {
    if (!this.#reachable) this.#parts.report.emit("broker:connected");
    this.#reachable = true;
  }

  #unreached(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (this.#reachable) this.#parts.report.emit("broker:disconnected", { text });
    this.#reachable = false;
  }

  #tell(
    type: "schedule:sent" | "schedule:skipped" | "schedule:waiting",
    { entry }: Line,
    tick: number,
    facts: { readonly id?: string; readonly code?: string; readonly text?: string },
  ): void {
    this.#parts.report.emit(type, { schedule: entry.name, task: entry.signature.task, tick, ...facts });
  }
}

/** A later attempt may end otherwise. */
function isTemporary(error: unknown): boolean {
  return error instanceof CeleriacError && ["QUEUE_FULL", "UNROUTABLE"].includes(error.code);
}

/** No attempt can end otherwise before the entry is changed. */
function isHopeless(error: unknown): boolean {
  return (
    error instanceof CeleriacError &&
    ["MESSAGE_TOO_LARGE", "NAME_INVALID", "NOT_SERIALIZABLE", "NOT_SUPPORTED"].includes(error.code)
  );
}

/** Waits for all, then throws the first failure: none may still be at work when the loop goes on. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  for (const end of await Promise.allSettled(work)) if (end.status === "rejected") throw end.reason;
}
