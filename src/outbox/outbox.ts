/**
 * An outbox: a table in the user's own database that holds calls until the broker has them. `add` writes a row in his transaction; a relay
 * carries rows over. So a call is sent exactly if its transaction was committed.
 */

import { type App, coreOf } from "../app/app.ts";
import type { AppCore } from "../app/core.ts";
import type { LaunchOptions } from "../app/launch.ts";
import { newTaskId } from "../app/task-id.ts";
import type { AsyncResult } from "../app/async-result.ts";
import type { GroupResult } from "../app/group-result.ts";
import { type GroupOptions, handleOfSent, type WorkflowOptions } from "../app/workflow.ts";
import type { Grouped } from "../canvas/joint.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import { refuseUnknown } from "../task/options.ts";
import type { AnySignature, Closed, Signature } from "../task/signature.ts";
import { defaultTable, type OutboxDialect, OutboxSql } from "./dialect.ts";
import { packParcel } from "./parcel.ts";
import type { OutboxConnection, Query } from "./query.ts";
import type { RelayEvent } from "./relay-event.ts";
import { Relay } from "./relay.ts";

const mark: unique symbol = Symbol.for("celeriac.outbox");

/**
 * Where an outbox lies.
 *
 * @example
 * ```ts
 * import { DatabaseSync } from "node:sqlite";
 * import { createOutbox, type OutboxOptions } from "celeriac/outbox";
 * const options: OutboxOptions = {
 *   dialect: "sqlite",
 *   table: "shop_outbox",
 *   connect: () => {
 *     const db = new DatabaseSync("shop.db");
 *     return { query: (sql, params) => db.prepare(sql).all(...params), close: () => db.close() };
 *   },
 * };
 * export const outbox = createOutbox(app, options);
 * ```
 */
export interface OutboxOptions {
  /** Of the database: "postgres", "mysql" (MySQL 8 or MariaDB 10.6 and newer) or "sqlite". */
  readonly dialect: OutboxDialect;
  /** A name, or schema.name. Default "celeriac_outbox". */
  readonly table?: string;
  /** A connection for a relay, for as long as it runs; only needed where one runs. On SQLite one that nobody else uses. */
  readonly connect?: () => OutboxConnection | Promise<OutboxConnection>;
}

/**
 * How a relay works.
 *
 * @example
 * ```ts
 * import type { RelayOptions } from "celeriac/outbox";
 * const options: RelayOptions = { batch: 500, poll: "100ms", report: (event) => console.log(event.type) };
 * await using relay = await outbox.relay(options);
 * ```
 */
export interface RelayOptions {
  /** Most rows at a time, 1 to 1000. Default 100; also never more than 4 MiB, or one row. */
  readonly batch?: number;
  /** How often an empty outbox is looked at, up to 30 s. Default "500ms". */
  readonly poll?: Duration;
  /** Told what happens. Default: nobody. */
  readonly report?: (event: RelayEvent) => void;
  /** Stops the relay, as `stop` does. */
  readonly signal?: AbortSignal;
}

/**
 * A relay that runs; `app.close()` stops it too.
 *
 * @example
 * ```ts
 * const relay = await outbox.relay();
 * process.once("SIGTERM", () => void relay.stop());
 * relay.wake(); // something was just committed
 * await relay.closed;
 * ```
 */
export interface RelayHandle extends AsyncDisposable {
  /** Looks into the outbox now, for a process that has just committed. */
  wake(): void;
  /** Ends after what is on its way. Safe twice. */
  stop(): Promise<void>;
  /** Resolves when it has ended. */
  readonly closed: Promise<void>;
}

/**
 * `add` of an {@link Outbox}: as `app.enqueue`, after the query function of your transaction.
 *
 * @example
 * ```ts
 * import { DatabaseSync } from "node:sqlite";
 * const db = new DatabaseSync("shop.db");
 * db.exec("BEGIN");
 * await outbox.add((sql, params) => db.prepare(sql).all(...params), sendReceipt.si({ order: 7 }), { delay: "10s" });
 * db.exec("COMMIT");
 * ```
 */
export interface AddToOutbox {
  <I, R extends readonly unknown[]>(
    query: Query,
    workflow: Signature<I, R> & Grouped<R> & Closed<I>,
    options?: GroupOptions,
  ): Promise<GroupResult<R>>;
  <I, R>(
    query: Query,
    workflow: Signature<I, R> & { readonly "~group"?: never } & Closed<I>,
    options?: WorkflowOptions<R>,
  ): Promise<AsyncResult<R>>;
}

/**
 * A table of calls in your own database. Made by {@link createOutbox}.
 *
 * @example
 * ```ts
 * import pg from "pg";
 * const client = new pg.Client("postgres:///shop");
 * const sent = await outbox.add((sql, params) => client.query(sql, [...params]), sendReceipt.si({ order: 7 }));
 * ```
 */
export interface Outbox {
  /**
   * Writes a call, chain, group or chord into the outbox with your transaction's query function. Ids and times are fixed now; the handle has
   * nothing to tell before a relay has sent it. The query is made before `add` returns, so with a synchronous driver the row is
   * there at once. Rejects with NOT_SERIALIZABLE, MESSAGE_TOO_LARGE…, and with what the query rejects with.
   */
  readonly add: AddToOutbox;
  /**
   * Starts a relay in this process; any number may run, here and elsewhere. Rejects with CONFIG_INVALID without `connect`. What fails later
   * is reported and tried again.
   */
  relay(options?: RelayOptions): Promise<RelayHandle>;
}

/**
 * An outbox of an app. Opens nothing. Throws CONFIG_INVALID.
 *
 * @example
 * ```ts
 * import { DatabaseSync } from "node:sqlite";
 * import { createOutbox } from "celeriac/outbox";
 * export const outbox = createOutbox(app, {
 *   dialect: "sqlite",
 *   connect: () => {
 *     const db = new DatabaseSync("shop.db", { timeout: 5_000 });
 *     return { query: (sql, params) => db.prepare(sql).all(...params), close: () => db.close() };
 *   },
 * });
 * ```
 */
export function createOutbox(app: App, options: OutboxOptions): Outbox {
  return new TableOutbox(app, options);
}

/** The app of an outbox that `createOutbox` made; `undefined` for anything else. */
export function appOfOutbox(value: unknown): App | undefined {
  return typeof value === "object" && value !== null ? (value as { readonly [mark]?: App })[mark] : undefined;
}

class TableOutbox implements Outbox {
  readonly add: AddToOutbox;
  readonly [mark]: App;
  readonly #core: AppCore;
  readonly #sql: OutboxSql;
  readonly #connect: OutboxOptions["connect"];

  constructor(app: App, options: OutboxOptions) {
    refuseUnknown(options, ["connect", "dialect", "table"], "createOutbox");
    this.#core = coreOf(app);
    this.#sql = new OutboxSql(options.dialect, options.table ?? defaultTable);
    this.#connect = options.connect;
    this[mark] = app;
    this.add = ((query: Query, workflow: AnySignature, given: LaunchOptions = {}) =>
      this.#add(query, workflow, given)) as unknown as AddToOutbox;
  }

  /** Nothing is awaited before the query, which a synchronous driver carries out at once. */
  async #add(query: Query, workflow: AnySignature, options: LaunchOptions): Promise<AsyncResult<unknown>> {
    const core = this.#core;
    // Said here, an id counts as the caller's: its repeats are known for a day, which is what a relay that was away needs.
    const id = options.id ?? workflow.id ?? newTaskId(core.clock.now());
    return core.dispatch(workflow.toJSON(), { ...options, id }, async (prepared) => {
      const [first] = prepared.sends;
      if (first !== undefined) {
        const message = packParcel(prepared);
        const { sql, params } = this.#sql.insert({ id, queue: first.queue, size: message.length, message });
        await query(sql, params);
      }
      return handleOfSent(core, prepared.result, false);
    });
  }

  async relay(options: RelayOptions = {}): Promise<RelayHandle> {
    refuseUnknown(options, ["batch", "poll", "report", "signal"], "outbox.relay");
    const { batch = 100, poll = "500ms", report = () => {}, signal } = options;
    if (this.#connect === undefined) throw invalid("createOutbox needs `connect`, to have a connection of its own");
    if (!Number.isInteger(batch) || batch < 1 || batch > 1000)
      throw invalid("batch must be a whole number from 1 to 1000");
    const every = durationMs(poll, "outbox.relay: poll");
    if (every < 1 || every > 30_000) throw invalid("poll must be from 1 ms to 30 s");
    signal?.throwIfAborted();
    const core = this.#core;
    const relay = new Relay({ core, sql: this.#sql, connect: this.#connect, batch, poll: every, report });
    const closed = relay.run();
    const stop = (): Promise<void> => {
      relay.stop();
      return closed;
    };
    const onAbort = (): void => relay.stop();
    signal?.addEventListener("abort", onAbort, { once: true });
    const onClose = core.onClose(stop);
    const ended = closed.finally(() => {
      signal?.removeEventListener("abort", onAbort);
      onClose[Symbol.dispose]();
    });
    return { wake: () => relay.wake(), stop, closed: ended, [Symbol.asyncDispose]: stop };
  }
}

function invalid(why: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `outbox.relay: ${why}.`);
}
