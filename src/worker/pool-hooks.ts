/** What running tasks ask of their worker: progress and logs to pass on, checkpoints to keep, tasks to send, states to store. */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { ResultStore, ResultWrite } from "../port/result-store.ts";
import type { SentTask } from "../task/running.ts";
import type { PoolHooks } from "../pool/pool.ts";
import type { Ask } from "../pool/pool-message.ts";
import { maskJson } from "../wire/cover.ts";
import { maskFor } from "./covering.ts";
import { type Execution, keepsResult } from "./execution.ts";
import type { Reporter } from "./reporter.ts";
import { answering, stateMeta } from "./result-write.ts";

/** Checkpoints outlive the longest pause between a crash and the next run that anyone plans for. */
const checkpointTtl = 7 * 86_400_000;
/** Ids of started tasks that are stored with a result; a task that starts a million is not slowed down by their list. */
const mostChildren = 1000;
const firstWait = 50;
const longestWait = 2000;
const encoder = new TextEncoder();

export interface PoolHooksOptions {
  readonly clock: Clock;
  readonly store: ResultStore;
  readonly resultTtl: number;
  readonly report: Reporter;
  /** Makes more of what is stored for an execution. */
  readonly extend?: ((execution: Execution, write: ResultWrite) => ResultWrite) | undefined;
  readonly find: (slot: number) => Execution | undefined;
  /** Does for a task what only the worker's connection can do. */
  readonly answer: (what: Extract<Ask, { readonly k: "send" | "get" }>) => Promise<unknown>;
  /** Adds a member to the chord of an execution; resolves with its id. */
  readonly addMember: (execution: Execution, signature: string) => Promise<string>;
}

export class WorkerPoolHooks implements PoolHooks {
  readonly #options: PoolHooksOptions;
  /** By slot. */
  #states = new Map<number, ResultWrite>();

  constructor(options: PoolHooksOptions) {
    this.#options = options;
  }

  began(slot: number, pid: number): void {
    const execution = this.#options.find(slot);
    if (!execution) return;
    execution.pid = pid;
    if (execution.definition.trackStarted) this.#store(execution, "STARTED", { value: { pid } });
  }

  progress(slot: number, done: number, total: number | null, note: string | null): void {
    const execution = this.#options.find(slot);
    if (!execution) return;
    const shown = note === null ? null : (maskFor(execution)?.(note) ?? note);
    this.#store(execution, "PROGRESS", { value: { current: done, total, note: shown } });
    this.#options.report.progress(execution, done, total, shown);
  }

  log(slot: number, level: number, text: string, fields: string | null): void {
    const execution = this.#options.find(slot);
    const mask = execution && maskFor(execution);
    if (mask === undefined) this.#options.report.log(execution, level, text, fields);
    else this.#options.report.log(execution, level, mask(text), fields === null ? null : maskJson(fields, mask));
  }

  sent(slot: number, sent: readonly SentTask[]): void {
    const execution = this.#options.find(slot);
    if (execution) keepChildren(execution, sent);
  }

  async ask(slot: number, what: Ask): Promise<unknown> {
    const { find } = this.#options;
    const execution = find(slot);
    if (!execution)
      throw new CeleriacError(
        "LEASE_LOST",
        "this task is no longer held by its worker, so nothing can be done in its name",
      );
    switch (what.k) {
      case "checkpoint":
        return this.#checkpoint(execution, what.name, what.value);
      case "send": {
        const sent = (await this.#options.answer(what)) as readonly {
          readonly id: string;
          readonly children?: readonly SentTask[];
        }[];
        keepChildren(
          execution,
          sent.flatMap(({ id, children }) => children ?? [id]),
        );
        return sent;
      }
      case "state":
        this.#store(execution, what.state, { json: coveredMeta(execution, what.meta) });
        return null;
      case "get":
        return this.#options.answer(what);
      case "member": {
        const id = await this.#options.addMember(execution, what.signature);
        keepChildren(execution, [id]);
        return id;
      }
      default:
        return what satisfies never;
    }
  }

  async #checkpoint(execution: Execution, name: string, value: string): Promise<"stored"> {
    const { checkpoints } = this.#options.store;
    if (!checkpoints) {
      throw new CeleriacError(
        "NOT_SUPPORTED",
        "this result store keeps no checkpoints; use sqlite: or redis: as broker",
      );
    }
    const { headers, claim } = execution;
    const kept = await this.#repeat(execution, () =>
      checkpoints.write(headers.id, claim.fence, name, encoder.encode(value), checkpointTtl),
    );
    if (kept === "stored") {
      this.#options.report.checkpoint(execution, name);
      return kept;
    }
    throw new CeleriacError(
      "CHECKPOINT_FENCED",
      `checkpoint "${name}" of task ${headers.id} was not stored: another worker holds the task by now; stop this run`,
    );
  }

  /** A write that may be repeated is repeated while the store does not answer, as long as the task is ours. */
  async #repeat<T>(execution: Execution, write: () => Promise<T>): Promise<T> {
    const { clock, report } = this.#options;
    for (let wait = firstWait; ; wait = Math.min(wait * 2, longestWait)) {
      try {
        return await write();
      } catch (error) {
        if (execution.abort.aborted) throw error;
        report.warning("RESULT_STORE", "a checkpoint got no answer and is written again", error);
        await clock.sleep(wait, execution.abort.asSignal()).catch(() => {
          throw error;
        });
      }
    }
  }

  /**
   * One write for all states that were set in this turn; of several for one task the last wins. What has ended by then is left out:
   * its settlement says more, and must not be followed by an older word.
   */
  #store(execution: Execution, state: string, value: { readonly json: string } | { readonly value: unknown }): void {
    if (!keepsResult(execution)) return;
    const { clock, resultTtl, extend } = this.#options;
    const { headers, claim, message } = execution;
    const plain = stateMeta(headers, state, value, claim.fence, clock.now(), resultTtl);
    const write = answering(message, extend?.(execution, plain) ?? plain);
    if (this.#states.size === 0) setImmediate(() => this.#flush());
    this.#states.set(execution.slot, write);
  }

  #flush(): void {
    const { store, report, find } = this.#options;
    const states = [...this.#states].flatMap(([slot, write]) => (find(slot) ? [write] : []));
    this.#states = new Map();
    if (states.length === 0) return;
    store.commit(states).catch((error: unknown) => {
      report.warning("RESULT_STORE", "a progress report was not stored", error);
    });
  }
}

/** A state is stored to be shown. */
function coveredMeta(execution: Execution, meta: string): string {
  const mask = maskFor(execution);
  return mask === undefined ? meta : maskJson(meta, mask);
}

function keepChildren(execution: Execution, sent: readonly SentTask[]): void {
  const room = mostChildren - execution.children.length;
  for (const one of sent.slice(0, Math.max(0, room))) execution.children.push(one);
}
