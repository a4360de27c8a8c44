/**
 * What a worker has been told from outside and obeys: revokes, and limits set while it runs. It comes by two ways, broadcasts and the facts
 * of the control state; both end here, and the pipe asks here. What only a broadcast told of is made a fact, so that it outlasts every worker
 * that heard it.
 */

import type { Clock } from "../clock/clock.ts";
import { FactWatch } from "../control/fact-watch.ts";
import {
  readRevocation,
  readTaskLimit,
  revokedFact,
  revokedKind,
  revokedStampFact,
  revokedStampKind,
  type Revocation,
  type TaskLimit,
  taskLimitKind,
  usuallyKept,
} from "../control/facts.ts";
import { Revocations } from "../control/revocations.ts";
import type { ControlFact, ControlState } from "../port/control-state.ts";
import type { TaskHeaders } from "../wire/task-message.ts";
import type { Reporter } from "./reporter.ts";
import type { Terminations } from "./terminations.ts";

/** Before what was heard of is made a fact, ms: whoever revoked it from here has written it first. */
const settle = 200;
/** Facts that one call of the control state takes. */
const mostAtOnce = 1000;

export class Orders {
  readonly facts: FactWatch;
  readonly revocations: Revocations = new Revocations();
  readonly #clock: Clock;
  readonly #report: Reporter;
  #terminations: Terminations | undefined;
  #busy: () => boolean = () => true;
  #keeping: Disposable | undefined;
  readonly #limits = new Map<string, TaskLimit>();
  /** Meant for this worker alone. */
  readonly #limitsHere = new Map<string, TaskLimit>();

  constructor(clock: Clock, control: ControlState | undefined, report: Reporter) {
    this.#clock = clock;
    this.#report = report;
    this.facts = new FactWatch({
      clock,
      control,
      busy: () => this.#busy(),
      failed: (error) => report.warning("FACTS_UNREAD", "revokes and limits could not be read; tried again", error),
    });
    this.facts.listen(revokedKind, (facts, complete) => this.#told("id", facts, complete));
    this.facts.listen(revokedStampKind, (facts, complete) => this.#told("stamp", facts, complete));
    this.facts.listen(taskLimitKind, (facts, complete) => this.#limited(facts, complete));
  }

  readonly isRevoked = (headers: TaskHeaders): boolean => this.revocations.has(headers);

  /** Limits that count instead of the task's own. */
  readonly limitOf = (task: string): TaskLimit | undefined =>
    this.#limits.size + this.#limitsHere.size === 0
      ? undefined
      : (this.#limitsHere.get(task) ?? this.#limits.get(task));

  /** What ends runs, once there are any, and whether there are. */
  attach(terminations: Terminations, busy: () => boolean): void {
    this.#terminations = terminations;
    this.#busy = busy;
  }

  /** A broadcast: obeyed at once. Answers with the ids of those that run and are ended by it. */
  hear(
    kind: "id" | "stamp",
    keys: readonly string[],
    revocation: Revocation,
    standing: "heard" | "here",
  ): readonly string[] {
    const known = kind === "id" ? this.revocations.ids : this.revocations.stamps;
    const until = this.#clock.now() + usuallyKept;
    for (const key of keys) {
      const before = known.get(key);
      // Only what says more than is known: whoever is to be ended is not let go on by a later word.
      const more = revocation.terminate && !(before?.terminate === true && before.signal === revocation.signal);
      if (before === undefined || more) this.revocations.add(kind, key, { ...revocation, until, standing });
    }
    if (this.facts.control !== undefined) this.#keeping ??= this.#clock.after(settle, () => void this.keep());
    if (!revocation.terminate) return [];
    const ended = this.#terminate();
    return kind === "id" ? ended.filter((id) => keys.includes(id)) : ended;
  }

  /** Makes facts of what was heard and stands nowhere yet. */
  async keep(): Promise<void> {
    if (this.#keeping === undefined) return;
    this.#keeping[Symbol.dispose]();
    this.#keeping = undefined;
    const { control } = this.facts;
    if (control === undefined) return;
    if (this.revocations.flooded) {
      // Whoever broadcasts a million ids would fill the database with them, too.
      this.#report.warning("REVOKES_NOT_KEPT", "so many revokes are known that further broadcasts are not made facts");
      return;
    }
    try {
      await this.facts.refresh();
      const { ids, stamps } = this.revocations;
      const facts: ControlFact[] = [];
      for (const [id, one] of ids) if (one.standing === "heard") facts.push(revokedFact(id, one, usuallyKept));
      for (const [stamp, one] of stamps)
        if (one.standing === "heard") facts.push(revokedStampFact(stamp, one, usuallyKept));
      for (let at = 0; at < facts.length; at += mostAtOnce) await control.set(facts.slice(at, at + mostAtOnce));
      if (facts.length > 0) await this.facts.refresh();
    } catch (error) {
      this.#report.warning("FACTS_UNWRITTEN", "a revoke is known to running workers only", error);
    }
  }

  /** What was set for all workers, as far as this one knows. */
  lastingLimit(task: string): TaskLimit | undefined {
    return this.#limits.get(task);
  }

  /** For this worker alone, until it ends; `undefined` takes it back. */
  limitHere(task: string, limit: TaskLimit | undefined): void {
    if (limit === undefined) this.#limitsHere.delete(task);
    else this.#limitsHere.set(task, limit);
  }

  #told(kind: "id" | "stamp", facts: readonly ControlFact[], complete: boolean): void {
    const { revocations } = this;
    if (complete) revocations.forgetFacts(kind);
    let ends = false;
    for (const { key, value, until } of facts) {
      const revocation = value === null ? undefined : readRevocation(value);
      if (revocation === undefined) {
        revocations.remove(kind, key);
        continue;
      }
      revocations.add(kind, key, {
        ...revocation,
        until: until ?? this.#clock.now() + usuallyKept,
        standing: "fact",
      });
      ends ||= revocation.terminate;
    }
    if (ends) this.#terminate();
  }

  #limited(facts: readonly ControlFact[], complete: boolean): void {
    if (complete) this.#limits.clear();
    for (const { key, value } of facts) {
      if (value === null) this.#limits.delete(key);
      else this.#limits.set(key, readTaskLimit(value));
    }
  }

  #terminate(): readonly string[] {
    const ends = this.#terminations?.terminate(({ headers }) => this.revocations.terminationOf(headers)?.signal);
    return ends ?? [];
  }
}
