/** Puts a worker together: backend, tasks, pool, pipe; and takes it apart in the opposite order. */

import { hostname } from "node:os";
import { type App, coreOf } from "../app/app.ts";
import { answerAsk } from "../app/asking.ts";
import { sharedWithPython } from "../app/connect.ts";
import type { AppCore } from "../app/core.ts";
import type { WorkerEvent, WorkerEventType, WorkerHandle, WorkerStats, WorkOptions } from "../app/work.ts";
import type { Backend } from "../port/backend.ts";
import type { Consumer } from "../port/broker.ts";
import type { Pool } from "../pool/pool.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import type { TaskRegistry } from "../task/registry.ts";
import { type Admission, admissionOf } from "./admission.ts";
import { Credit } from "./credit.ts";
import { Chords } from "./chords.ts";
import { Custody } from "./custody.ts";
import { eventPrinter } from "./event-log.ts";
import { ExtendedResults } from "./extended-result.ts";
import { type SettlementContext, unreturnable, unwritable } from "./failed-run.ts";
import { Flow } from "./flow.ts";
import { noTasks } from "./no-tasks.ts";
import { openPool } from "./open-pool.ts";
import { Orders } from "./orders.ts";
import { WorkerPoolHooks } from "./pool-hooks.ts";
import { PoolSize } from "./pool-size.ts";
import { startParts } from "./parts.ts";
import { Reach } from "./reach.ts";
import { Reporter } from "./reporter.ts";
import { ServerTime } from "./server-time.ts";
import { Settler } from "./settler.ts";
import { SettlingApart } from "./settling-apart.ts";
import { shutDown } from "./shutdown.ts";
import { Turning } from "./turning.ts";
import { withWaiters } from "./waiters.ts";
import { scopeOf, settingsOf } from "./worker-settings.ts";

const minute = 60_000;
/** How often waiting deliveries are looked over, ms: a quarter of the time after which one goes back. */
const staleCheck = 250;
/** A run of this length is taken from a broker that hands out anew what its holder's link does not outlast, ms. */
const longestUnkept = 5 * minute;
/** Bytes claimed at once. Four messages of the largest default size. */
const maxClaimBytes = 4 * 1024 * 1024;

/**
 * Starts a worker for `app` and resolves when it takes tasks. `core`: the inside of the app as this worker is to see it.
 *
 * Throws NO_TASKS if the app declares no task, APP_LOAD_FAILED if a child can't load it, and the backend's own errors.
 */
export async function startWorker(
  app: App,
  options: WorkOptions = {},
  core: AppCore = coreOf(app),
): Promise<WorkerHandle> {
  const { clock, config } = core;
  const registry = await core.load();
  const tasks = registry.list();
  if (tasks.length === 0) throw noTasks(core.name);
  const id = options.name ?? `celery@${hostname()}`;
  const settings = settingsOf(options, config.defaultQueue);
  const shared = sharedWithPython(config.broker);
  const report = new Reporter(clock, id);
  if (options.onEvent) report.all(options.onEvent);
  const log = options.log ?? config.log ?? "silent";
  const print = log === "silent" ? undefined : eventPrinter(log, id);
  if (print && log !== config.log) report.all(print);

  const opening = new AbortController();
  const backend = await core.connect(opening.signal);
  // Two servers: the result can't be stored in the step that settles the message, so a ledger fences it, if the store has one.
  const apart = !backend.broker.joins(backend.store);
  const ledger = apart ? backend.store.ledger?.within(backend.broker.scope ?? scopeOf(config.broker)) : undefined;
  report.warnings(core.warnings);
  if (print && log === config.log) report.all(print); // which the app has told of those already
  if (apart && ledger === undefined) {
    const text = "results are sent back and kept nowhere, so no fence refuses those of a worker that was replaced";
    report.warning("RESULTS_UNFENCED", `${text}; name a store with \`results\` where that matters`);
  }

  const parts: { flow?: Flow; chords?: Chords } = {};
  const extended = config.resultExtended ? new ExtendedResults(id, config.maxMessageBytes) : undefined;
  const hooks = new WorkerPoolHooks({
    extend: extended && ((execution, write) => extended.write(execution, write)),
    clock,
    store: backend.store,
    resultTtl: config.resultTtl,
    report,
    find: (slot) => parts.flow?.slots.running.get(slot),
    answer: (what) => answerAsk(core, what),
    addMember: async (execution, signature) => (await parts.chords?.members.add(execution, signature)) ?? "",
  });
  const turning = new Turning(clock, Math.max(2 * staleCheck, (2 / 3) * settings.lease));
  const pool = await openPool(app, core, options, settings, hooks, report, { flow: () => parts.flow, turning });
  try {
    return await run(backend, registry, pool, parts);
  } catch (error) {
    await pool.close(0);
    throw error;
  }

  async function run(
    backend: Backend,
    registry: TaskRegistry,
    pool: Pool,
    parts: { flow?: Flow; chords?: Chords },
  ): Promise<WorkerHandle> {
    const context = {
      registry,
      defaultQueue: config.defaultQueue,
      shared,
      worker: id,
      packing: config,
      resultTtl: config.resultTtl,
      random: Math.random,
    };
    const size = new PoolSize(pool, settings, () => parts.flow?.wake());
    const credit = new Credit(clock, size);
    const current = (): SettlementContext => ({ ...context, now: clock.now() });
    const settlingApart = new SettlingApart({ store: backend.store, context: current });
    const settler = new Settler({
      ...(apart && { settleBatch: settlingApart.settle }),
      extend: (entry) => {
        const whole = extended?.entry(entry) ?? entry;
        return backend.store.joins === undefined ? whole : withWaiters(whole);
      },
      broker: backend.broker,
      store: backend.store,
      clock,
      settled: (entry, how) => flow.settled(entry, how),
      sent: (messages) => core.tellSent(backend, messages),
      joined: (arrivals, joined, entry) => chords.joined(arrivals, joined, entry),
      answered: (ms) => credit.answered(ms),
      unwritable: ({ execution, ending: { settlement } }, error) =>
        execution ? unwritable(current(), execution, error) : unreturnable(settlement.delivery, error, clock.now()),
      troubled: (error) => report.warning("SETTLE_REPEATED", "a settlement got no answer and is repeated", error),
    });
    const chords = new Chords({ clock, store: backend.store, settler, report, context, sweep: settings.sweep });
    parts.chords = chords;
    const orders = new Orders(clock, backend.control, report);
    const rules = {
      registry,
      unknownTaskGrace: durationMs(options.unknownTaskGrace ?? 10 * minute),
      maxMessageBytes: config.maxMessageBytes,
      resultTtl: config.resultTtl,
      defaultQueue: config.defaultQueue,
      shared,
      joins: backend.store.joins !== undefined,
      signing: config.signing,
      revoked: orders.isRevoked,
      limitOf: orders.limitOf,
    };
    const admission = admissionOf({ backend, clock, rules, report, lease: settings.lease });
    const flow = new Flow({
      clock,
      time: new ServerTime(backend.broker.features.clock === "worker" ? clock : undefined),
      rules,
      admission,
      context,
      store: backend.store,
      ledger,
      pool,
      turning,
      capacity: size,
      credit,
      settler,
      report,
      // A poisonous task kills its child, not us: only where it runs in our own process is our death its doing.
      blame: (execution) => (settings.pool !== "process" && execution.isolated ? "sure" : "suspect"),
    });
    parts.flow = flow;
    const consumer = await backend.broker.consume(
      {
        queues: settings.queues,
        worker: `${id}/${String(process.pid)}/${crypto.randomUUID().slice(0, 8)}`,
        lease: settings.lease,
        maxClaimBytes,
        userCodeHere: settings.pool === "inline",
        stallLimit: durationMs(options.stallLimit ?? minute),
        sweep: settings.sweep,
        fenced: ledger !== undefined,
      },
      flow.take,
    );
    consumer.on("clock-step", (text) => report.warning("CLOCK_STEP", text));
    const custody =
      ledger && consumer.detach
        ? new Custody({
            clock,
            ledger,
            broker: backend.broker,
            consumer,
            lease: settings.lease,
            sweep: settings.sweep,
            after: Math.min(longestUnkept, (backend.broker.consumerTimeout ?? Infinity) / 3),
            running: () => flow.slots.running.values(),
            lost: (execution) => flow.leaseLost(execution),
            report,
            signed: config.signing !== undefined,
          })
        : undefined;
    const stale = clock.every(staleCheck, () => flow.giveBackStale());
    const beside: { stop?: () => Promise<void> } = {};
    const worker = handle({ flow, settler, consumer, stale, pool, custody, chords, admission, beside });
    const inside = { id, core, clock, backend, registry, pool, flow, consumer, report, orders, size, settings };
    try {
      beside.stop = await startParts(
        { ...inside, stats: () => worker.stats(), shutdown: () => void worker.stop() },
        opening.signal,
      );
    } catch (error) {
      await worker.stop({ cold: true });
      throw error;
    }
    turning.seen(clock.monotonic()); // The start, of the pool most of all, was no pause in which a lease could end.
    // Only now: what was revoked or paused is known by the time the first task comes.
    flow.attach(consumer);
    report.emit("worker:ready", {
      pid: process.pid,
      detail: {
        queues: settings.queues,
        concurrency: pool.size.slots,
        pool: settings.pool,
        children: pool.size.children.map(({ pid }) => pid),
        tasks: registry.list().map(({ name }) => name),
        lease: settings.lease,
      },
    });
    return worker;
  }

  function handle(running: {
    flow: Flow;
    settler: Settler;
    consumer: Consumer;
    stale: Disposable;
    pool: Pool;
    custody: Custody | undefined;
    chords: Chords;
    admission: Admission;
    beside: { readonly stop?: () => Promise<void> };
  }): WorkerHandle {
    const { flow, settler, consumer, stale, pool, custody, chords, admission, beside } = running;
    const hurry = new AbortController();
    const ended = Promise.withResolvers<void>();
    // Whoever stops it hears of a failure too; `closed` alone may have no listener.
    ended.promise.catch(() => {});
    const reach = new Reach(clock, consumer, report, settings.reconnectLimit, (reason) => {
      ended.reject(reason);
      worker.stop({ cold: true }).catch(() => {}); // it ends for the first reason
    });
    let stopping: Promise<void> | undefined;
    const stop = async (grace: number): Promise<void> => {
      report.emit("worker:stopping", { pid: process.pid });
      stale[Symbol.dispose]();
      reach[Symbol.dispose]();
      try {
        await shutDown({ clock, flow, pool, settler, consumer, chords, admission }, grace, hurry.signal);
      } catch (error) {
        ended.reject(error);
        throw error;
      } finally {
        await beside.stop?.();
        custody?.close();
        report.emit("worker:stopped", { pid: process.pid, detail: { ...report.counts } });
        registered[Symbol.dispose]();
        ended.resolve();
      }
    };
    const worker: WorkerHandle = {
      id,
      closed: ended.promise,
      stats: (): WorkerStats => ({
        id,
        queues: settings.queues,
        concurrency: pool.size.slots,
        busy: pool.size.busy,
        ...report.counts,
        children: pool.size.children.map(({ pid, done, rss, lag, slots }) => ({
          pid,
          done,
          rss,
          lag,
          busy: slots.length,
        })),
      }),
      on: (type: WorkerEventType, listener: (event: WorkerEvent) => void) => report.on(type, listener),
      stop: async ({ grace, cold }: { grace?: Duration; cold?: boolean } = {}): Promise<void> => {
        if (cold || stopping) hurry.abort();
        stopping ??= stop(cold ? 0 : durationMs(grace ?? options.grace ?? "25s"));
        await stopping;
      },
      // Whoever leaves a scope, or closes the app, waits for a stop that is under way; only an explicit second one hurries it.
      [Symbol.asyncDispose]: () => stopping ?? worker.stop(),
    };
    const registered = core.onClose(() => stopping ?? worker.stop());
    return worker;
  }
}
