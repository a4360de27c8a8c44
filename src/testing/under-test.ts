/** An app under test: its tasks, its workflows and its schedules, on a server in memory and a clock that stands still until it is moved. */

import { type App, coreOf } from "../app/app.ts";
import type { AsyncResult } from "../app/async-result.ts";
import type { Task } from "../app/task-handle.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import { refuseUnknown } from "../task/options.ts";
import { runningTask } from "../task/running.ts";
import type { Signature } from "../task/signature.ts";
import { isFinal } from "../wire/outcome.ts";
import { Bench } from "./bench.ts";
import { type Crash, type CrashOptions, CrashPlan, type CrashPoint } from "./crash-point.ts";
import type { SentCall } from "./sent-calls.ts";
import type { CallsOf, EndedRun, EnqueuedOf, Fake, FakeTask, RunTask, TestApp, TestAppOptions } from "./test-app.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** While something runs for so long, ms of the test's clock, and does not wait for that clock, `run` takes it for stuck. */
const longestHeld = 600_000;
/** `run` looks no further ahead, ms. */
const horizon = 400 * 86_400_000;
const known: Readonly<Record<keyof TestAppOptions, true>> = {
  autorun: true,
  concurrency: true,
  lease: true,
  now: true,
  patience: true,
};

/**
 * Puts an app under test until `close`: whatever its broker's URL, nothing of it is opened. Call it before the app sends or reads anything.
 * Throws TEST_APP_IN_USE, CONFIG_INVALID or DURATION_INVALID.
 *
 * @example
 * ```ts
 * import { testApp } from "celeriac/testing";
 * await using test = testApp(app);
 * const sent = await sendReceipt.enqueue({ order: 7 }, { delay: "3d" });
 * await test.advance("3d");
 * console.log(await sent.state()); // "SUCCESS"
 * ```
 */
export function testApp(app: App, options: TestAppOptions = {}): TestApp {
  refuseUnknown(options, Object.keys(known), "testApp");
  return new AppUnderTest(app, options);
}

class AppUnderTest implements TestApp {
  readonly #app: App;
  readonly #bench: Bench;
  readonly #redirect: Disposable;
  #driving: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(app: App, options: TestAppOptions) {
    const core = coreOf(app);
    this.#app = app;
    this.#bench = new Bench(app, core, {
      now: options.now?.getTime(),
      patience: durationMs(options.patience ?? "1s", "testApp: patience"),
      concurrency: options.concurrency ?? 10,
      lease: durationMs(options.lease ?? "30s", "testApp: lease"),
      autorun: options.autorun ?? false,
    });
    this.#redirect = core.redirect(this.#bench.appClock, (backend) => this.#bench.appBackend(backend));
    if (options.autorun === true) this.#bench.started().catch(() => {}); // told by the first that waits for it
  }

  get clock(): VirtualClock {
    return this.#bench.clock;
  }

  get enqueued(): EnqueuedOf {
    return ((task: { readonly name: string }) => this.#calls(task.name).map(({ input }) => input)) as EnqueuedOf;
  }

  get calls(): CallsOf {
    return ((task?: { readonly name: string }) => this.#calls(task?.name)) as CallsOf;
  }

  get fake(): FakeTask {
    return ((task: string | { readonly name: string }, handler: (...args: readonly unknown[]) => unknown) =>
      this.#fake(typeof task === "string" ? task : task.name, handler)) as FakeTask;
  }

  get run(): RunTask {
    return ((what: unknown, ...input: readonly unknown[]) => this.#run(what, input)) as RunTask;
  }

  drain(): Promise<readonly EndedRun[]> {
    return this.#drive(() => this.#bench.stillness.settled());
  }

  async advance(duration: Duration): Promise<readonly EndedRun[]> {
    const ms = durationMs(duration, "advance");
    return this.#drive(async () => {
      await this.#bench.stillness.settled();
      const beat = await this.#bench.beat();
      try {
        await this.#bench.clock.advance(ms);
        await this.#bench.stillness.settled();
      } finally {
        await beat?.stop();
      }
    });
  }

  crashWorkerAfter(point: CrashPoint, options: CrashOptions = {}): Crash {
    const plan = new CrashPlan(point, options);
    this.#bench.crashes.push(plan);
    return plan;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#driving.catch(() => {});
    this.#bench.close();
    try {
      await this.#ended(coreOf(this.#app).close());
    } finally {
      this.#redirect[Symbol.dispose]();
    }
    const unreached = this.#bench.crashes.find((plan) => !plan.isDone);
    if (unreached === undefined) return;
    throw new CeleriacError(
      "TEST_CRASH_UNREACHED",
      `A worker was to crash after ${unreached.text}, and none came there. Is the name right, and was enough run and advanced?`,
    );
  }

  /** What a test started itself (`app.work()`) may need time to stop. */
  async #ended(closing: Promise<void>): Promise<void> {
    const closed = closing.then(
      () => true,
      () => true,
    );
    for (let turn = 0; turn < 100; turn++) {
      const later = this.#bench.clock.advance(1_000).then(() => false);
      if (await Promise.race([closed, later])) break;
    }
    await closing;
  }

  #calls(name: string | undefined): readonly SentCall[] {
    return this.#bench.calls.list(name, coreOf(this.#app));
  }

  #fake(name: string, handler: (...args: readonly unknown[]) => unknown): Fake<unknown> {
    const calls: unknown[] = [];
    const own = coreOf(this.#app).registry.get(name)?.handler !== undefined;
    this.#bench.registry.fake(name, (given, context) => {
      calls.push(own ? given[0] : given);
      return own ? handler(given[0], context) : handler(...given);
    });
    return { calls };
  }

  async #run(what: unknown, input: readonly unknown[]): Promise<unknown> {
    let sent: AsyncResult<unknown> | undefined;
    let ended = false;
    await this.#drive(async () => {
      sent = await this.#send(what, input);
      ended = await this.#followed(sent);
    });
    return ended ? sent?.get() : undefined;
  }

  #send(what: unknown, input: readonly unknown[]): Promise<AsyncResult<unknown>> {
    if (typeof (what as { readonly delay?: unknown }).delay === "function")
      return (what as Task<readonly unknown[], unknown>).delay(...(input as [readonly unknown[]]));
    return this.#app.delay(what as Signature<unknown, unknown>);
  }

  /** Lets time pass until it has ended. False: it has, and stored nothing, as it was asked to. */
  async #followed(sent: AsyncResult<unknown>): Promise<boolean> {
    const { clock, stillness } = this.#bench;
    const begun = clock.monotonic();
    let heldSince: number | undefined;
    for (;;) {
      await stillness.settled();
      if (isFinal(await sent.state())) return true;
      if (this.#bench.events.some(({ id, type, state }) => id === sent.id && type === "task:succeeded" && !state))
        return false;
      const now = clock.monotonic();
      heldSince = this.#bench.isRunning ? (heldSince ?? now) : undefined;
      const { next } = clock;
      if (next === undefined || now + next - begun > horizon || now - (heldSince ?? now) > longestHeld)
        throw stuck(sent.id, await sent.state(), now - begun);
      await clock.advance(next);
    }
  }

  /** One at a time, and each tells what ended meanwhile. */
  #drive(work: () => Promise<unknown>): Promise<readonly EndedRun[]> {
    if (runningTask() !== undefined)
      throw new CeleriacError("NOT_SUPPORTED", "A handler cannot drive the test that it runs in; only the test can.");
    const driven = this.#driving.then(() => this.#drove(work));
    this.#driving = driven.catch(() => {});
    return driven;
  }

  async #drove(work: () => Promise<unknown>): Promise<readonly EndedRun[]> {
    if (this.#closing !== undefined) throw new CeleriacError("BACKEND_CLOSED", "This test app was closed.");
    const { events, missing } = this.#bench;
    await this.#bench.open(work);
    const [unfaked] = missing.splice(0);
    if (unfaked !== undefined) throw unfaked;
    return events.splice(0).flatMap((event) => {
      const state = states[event.type];
      const { task, id, text } = event;
      if (state === undefined || task === undefined || id === undefined) return [];
      return [{ task, id, state, error: state === "SUCCESS" ? undefined : text }];
    });
  }
}

const states: Readonly<Partial<Record<string, EndedRun["state"]>>> = {
  "task:succeeded": "SUCCESS",
  "task:failed": "FAILURE",
  "task:buried": "FAILURE",
  "task:revoked": "REVOKED",
  "task:retried": "RETRY",
};

function stuck(id: string, state: string, waited: number): CeleriacError {
  return new CeleriacError(
    "TEST_STUCK",
    `Task ${id} did not end, though ${String(Math.round(waited / 1000))} s passed on the test's clock; its state is ${state}. Its handler waits for something that does not come, its queue is paused, or it is due much later: then enqueue it and use test.advance.`,
    { details: { id, state } },
  );
}
