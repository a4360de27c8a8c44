/**
 * Sends workflows: opens the joins of their chords, publishes, seals. A pool child has no connection; it decides everything and asks its
 * worker to send. What was accepted stays accepted: a refusal in the midst says which.
 */

import type { NewId } from "../canvas/freeze.ts";
import { childrenIn, type Launched, type ResultNode } from "../canvas/result-node.ts";
import { resultOf } from "../canvas/plan.ts";
import { resultTuple } from "../canvas/result-tuple.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { OpenJoin } from "../port/joins.ts";
import { durationMs } from "../task/duration.ts";
import { type RunningTask, runningTask } from "../task/running.ts";
import type { Signature } from "../wire/signature.ts";
import { askAll } from "./asking.ts";
import type { AppConfig } from "./config.ts";
import { within } from "./deadline.ts";
import { tooLarge } from "./draft.ts";
import {
  type Launch,
  type LaunchOptions,
  launchOf,
  type Launching,
  packLaunch,
  type Prepared,
  prepareLaunch,
  type Tick,
} from "./launch.ts";
import type { Sender } from "./sender.ts";
import { type Sent, sentOf } from "./sent.ts";
import type { Tracing } from "./tracing.ts";

/** A sender that has not sealed a join after its own deadlines and this, ms, is dead. */
const sealPatience = 30_000;
const sealAgain = 200;

export interface LauncherOptions {
  readonly config: AppConfig;
  readonly sender: Sender;
  readonly tracing: Tracing;
  readonly connect: (signal?: AbortSignal) => Promise<Backend>;
  readonly replyTo: () => string | undefined;
  readonly queueOf: (task: string) => string;
  readonly isHeld: (task: string) => boolean;
  readonly origin: string;
  /** Told of the ids under which later parts will end. */
  readonly pending: (backend: Backend, ids: readonly string[]) => Promise<unknown> | undefined;
}

export class Launcher {
  readonly #options: LauncherOptions;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  /** Rejects as `enqueue` does, and with NOT_SUPPORTED for a chord where results are kept nowhere. */
  async launch(signature: Signature, options: LaunchOptions): Promise<Launched> {
    const { config, tracing } = this.#options;
    const { signal } = options;
    const timeout = options.timeout === undefined ? config.publishTimeout : durationMs(options.timeout, "timeout");
    const running = runningTask();
    const launch = launchOf(signature, options, config.clock.now(), config.publishTimeout, running);
    return tracing.launch(launch, (traced) => this.#launch(traced, running, timeout, signal));
  }

  async #launch(
    launch: Launch,
    running: RunningTask | undefined,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<Launched> {
    const { clock } = this.#options.config;
    const result = resultOf(launch.signature);
    if (running?.ask === undefined) {
      const sent = await this.send(launch, timeout, signal);
      running?.sent?.(sent.children ?? [sent.id]);
      return { result: nodeOf(result), duplicate: sent.kind === "duplicate" };
    }
    const named = { task: launch.signature.task, id: nodeOf(result).id };
    const batch = [{ signature: named, options: { launch: packLaunch(launch) } }];
    const [sent] = await askAll(running.ask, batch, { clock, timeout, signal });
    return { result: nodeOf(result), duplicate: sent?.kind === "duplicate" };
  }

  /** What a workflow sends, for who sends it himself. */
  plan(signature: Signature, options: LaunchOptions, newId?: NewId): Prepared {
    return this.prepare(this.#decide(signature, options, newId));
  }

  /** The same, handed to `go` as a traced send. Gives and throws what that does. */
  dispatch<T>(signature: Signature, options: LaunchOptions, go: (prepared: Prepared) => T, tick?: Tick): T {
    const launch = this.#decide(signature, options, tick?.newId);
    return this.#options.tracing.launch(launch, (traced) => go(this.prepare(traced)), tick?.schedule);
  }

  #decide(signature: Signature, options: LaunchOptions, newId: NewId | undefined): Launch {
    const { clock, publishTimeout } = this.#options.config;
    const running = newId === undefined ? runningTask() : undefined;
    return launchOf(signature, options, clock.now(), publishTimeout, running, newId);
  }

  /** What a launch sends. Throws as `launch` rejects. */
  prepare(launch: Launch, sending?: number): Prepared {
    const { config, origin, replyTo, queueOf, isHeld } = this.#options;
    const { maxMessageBytes } = config;
    const launching: Launching = {
      now: config.clock.now(),
      origin,
      replyTo: replyTo(),
      queueOf,
      packing: config,
      isHeld,
      sending,
      checkSize: (task, id, bytes) => {
        if (bytes > maxMessageBytes) throw tooLarge(task, id, bytes, maxMessageBytes);
      },
    };
    return prepareLaunch(launch, launching);
  }

  /** Sends what is decided already. */
  async send(launch: Launch, timeout: number, signal?: AbortSignal): Promise<Sent> {
    const { sender, connect, config } = this.#options;
    const { sends, joins, result, steps } = this.prepare(launch, 2 * timeout + sealPatience);
    const groups = joins.map(({ group }) => group);
    const children = childrenIn(result).map(resultTuple);
    if (sends.length === 0) return { id: result.id, kind: "accepted", children };
    if (joins.length > 0) await this.#open(joins, timeout, signal);
    let answers;
    try {
      answers = await sender.submit(sends, { timeout, signal });
    } catch (error) {
      if (groups.length > 0 && !launch.named && isNever(error)) await this.#abandon(groups);
      throw error;
    }
    const accepted = answers.filter(({ kind }) => kind !== "refused").length;
    if (groups.length > 0 && accepted === 0 && !launch.named) await this.#abandon(groups);
    const sent = sentOf(steps, answers, config);
    const backend = await connect(signal);
    if (groups.length > 0) await this.#seal(backend, groups, timeout, signal);
    await this.#options.pending(backend, laterIds(result, new Set(steps.map(({ id }) => id))));
    const duplicate = sent.every(({ kind }) => kind === "duplicate");
    return { id: result.id, kind: duplicate ? "duplicate" : "accepted", children };
  }

  async #open(joins: readonly OpenJoin[], timeout: number, caller: AbortSignal | undefined): Promise<void> {
    const over = new AbortController();
    const signal = caller === undefined ? over.signal : AbortSignal.any([caller, over.signal]);
    const ids = joins.map(({ group }) => group);
    using _timer = this.#options.config.clock.after(timeout, () =>
      over.abort(
        new CeleriacError(
          "BACKEND_UNREACHABLE",
          `The result store did not open chord ${String(ids[0])} within ${String(timeout)} ms, so nothing of the workflow was sent.`,
          { details: { ids, timeout } },
        ),
      ),
    );
    const { store } = await within(this.#options.connect(signal), signal);
    if (store.joins === undefined) throw noJoins();
    await within(store.joins.open(joins), signal);
  }

  /** Not sealed, it would be taken for one whose sender died. So this is repeated: all is sent, and sealing twice is sealing once. */
  async #seal(backend: Backend, groups: readonly string[], timeout: number, signal?: AbortSignal): Promise<void> {
    const { clock } = this.#options.config;
    const until = clock.monotonic() + timeout;
    for (;;) {
      try {
        await backend.store.joins?.seal(groups);
        return;
      } catch (error) {
        if (clock.monotonic() + sealAgain > until) throw error;
        await clock.sleep(sealAgain, signal ?? new AbortController().signal);
      }
    }
  }

  /** Nothing was sent, so nothing will arrive there. */
  async #abandon(groups: readonly string[]): Promise<void> {
    const { store } = await this.#options.connect();
    await store.joins?.close(groups).catch(() => {});
  }
}

/** Nothing was sent, and that is certain. */
function isNever(error: unknown): boolean {
  return error instanceof CeleriacError && error.code !== "PUBLISH_UNKNOWN";
}

/** Ids of what is sent later: the steps after the first, a chord's body. */
function laterIds(result: ResultNode, now: ReadonlySet<string>): readonly string[] {
  const ids: string[] = [];
  for (let node: ResultNode | undefined = result; node !== undefined; node = node.parent) {
    if (node.kind === "task" && !now.has(node.id)) ids.push(node.id);
  }
  return ids;
}

function nodeOf(result: ResultNode | undefined): ResultNode {
  if (result !== undefined) return result;
  throw new CeleriacError("CONFIG_INVALID", "The workflow has nothing to start: a chain needs at least one step.");
}

function noJoins(): CeleriacError {
  return new CeleriacError(
    "NOT_SUPPORTED",
    'A chord needs a place where its members are counted, and results that are sent back (rpc://) are kept nowhere. Name a store: createApp({ results: "redis://…" }).',
  );
}
