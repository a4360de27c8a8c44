/** What is known of one broker at one moment, read once for all tasks that a chain of reasons goes through. */

import type { AppCore } from "../../app/core.ts";
import type { Backend } from "../../port/backend.ts";
import type { ControlFact } from "../../port/control-state.ts";
import type { QueueState } from "../../port/queue-admin.ts";
import { rateText } from "../../task/rate.ts";
import type { TaskHeaders } from "../../wire/task-message.ts";
import { readRevocation, readTaskLimit, revokedKind, revokedStampKind, stampKeys, taskLimitKind } from "../facts.ts";
import { callRoll, type Roll, type WorkerView } from "./workers.ts";

export class Case {
  readonly core: AppCore;
  readonly backend: Backend;
  /** Unix ms. */
  readonly now: number;
  readonly queues: ReadonlyMap<string, QueueState>;
  readonly #facts: readonly ControlFact[];
  #calling: Promise<Roll> | undefined;

  constructor(core: AppCore, backend: Backend, queues: readonly QueueState[], facts: readonly ControlFact[]) {
    this.core = core;
    this.backend = backend;
    this.now = core.clock.now();
    this.queues = new Map(queues.map((queue) => [queue.name, queue]));
    this.#facts = facts;
  }

  static async open(core: AppCore, signal: AbortSignal): Promise<Case> {
    const backend = await core.connect(signal);
    const [queues, facts] = await Promise.all([backend.broker.queues.list(), backend.control?.changes(0)]);
    return new Case(core, backend, queues, facts?.changed ?? []);
  }

  /** Where messages may lie: what the broker lists, and what the app names. */
  get queueNames(): readonly string[] {
    const { registry, config } = this.core;
    const named = registry.list().map(({ queue }) => queue);
    return [...new Set([...this.queues.keys(), config.defaultQueue, ...named])];
  }

  /** The workers, asked when they are first needed. */
  roll(signal: AbortSignal): Promise<Roll> {
    this.#calling ??= callRoll(this.backend.bus, this.core.clock, signal);
    return this.#calling;
  }

  revocationOf(
    id: string,
    headers: TaskHeaders | undefined,
  ): { readonly by: "id" | "stamp"; readonly at: number } | undefined {
    const stamps = new Set(headers === undefined ? [] : stampKeys(headers.stamps));
    for (const { kind, key, value } of this.#facts) {
      const by =
        kind === revokedKind && key === id ? "id" : kind === revokedStampKind && stamps.has(key) ? "stamp" : undefined;
      const revocation = by === undefined || value === null ? undefined : readRevocation(value);
      if (by !== undefined && revocation !== undefined) return { by, at: revocation.at };
    }
    return undefined;
  }

  /** As people write it; what was set while workers run, else what they or this app declare. */
  rateOf(task: string, workers: Iterable<WorkerView>): string | undefined {
    const set = this.#facts.find(({ kind, key }) => kind === taskLimitKind && key === task)?.value;
    const said = set == null ? null : readTaskLimit(set).rate;
    if (said !== null) return said === "0" ? undefined : said;
    for (const { tasks } of workers) {
      const rate = tasks?.get(task);
      if (rate !== undefined) return rate;
    }
    const own = this.core.registry.get(task)?.rate;
    return own && rateText(own);
  }
}
