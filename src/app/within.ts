/** Sending inside a transaction of the user's own, where the queue lies in his database: his rows and the task are committed together, or neither. */

import type { Grouped } from "../canvas/joint.ts";
import type { Transactional } from "../port/within.ts";
import type { AnySignature, Closed, Signature } from "../task/signature.ts";
import type { AsyncResult } from "./async-result.ts";
import type { AppCore } from "./core.ts";
import type { GroupResult } from "./group-result.ts";
import type { LaunchOptions } from "./launch.ts";
import { sentOf } from "./sent.ts";
import { type GroupOptions, handleOfSent, type WorkflowOptions } from "./workflow.ts";

/**
 * `enqueue` of {@link Within}: a call, chain, group or chord that needs no input any more. Synchronous, as the transaction is. Gives the
 * handle of its end, which has nothing to tell before the commit.
 *
 * @example
 * ```ts
 * import { DatabaseSync } from "node:sqlite";
 * const shop = new DatabaseSync("shop.db"); // createApp({ broker: "sqlite:shop.db?embed" })
 * const { enqueue } = await app.within(shop);
 * shop.exec("BEGIN IMMEDIATE");
 * enqueue(sendReceipt.si({ order: 7 }), { id: "receipt-7" });
 * shop.exec("COMMIT");
 * ```
 */
export interface EnqueueWithin {
  <I, R extends readonly unknown[]>(
    workflow: Signature<I, R> & Grouped<R> & Closed<I>,
    options?: GroupOptions,
  ): GroupResult<R>;
  <I, R>(
    workflow: Signature<I, R> & { readonly "~group"?: never } & Closed<I>,
    options?: WorkflowOptions<R>,
  ): AsyncResult<R>;
}

/**
 * The queue, on a connection of your own to the broker's SQLite file. What is enqueued here is committed with your rows, and rolled back
 * with them. Made by `app.within(connection)`.
 *
 * @example
 * ```ts
 * import { DatabaseSync } from "node:sqlite";
 * const shop = new DatabaseSync("shop.db"); // createApp({ broker: "sqlite:shop.db?embed" })
 * const queue = await app.within(shop);
 * shop.exec("BEGIN IMMEDIATE");
 * shop.prepare("INSERT INTO orders (id) VALUES (?)").run(7);
 * const sent = queue.enqueue(sendReceipt.si({ order: 7 }));
 * shop.exec("COMMIT");
 * ```
 */
export interface Within {
  /**
   * Sends in the transaction that is open. Throws NOT_IN_TRANSACTION without one, QUEUE_FULL, MESSAGE_TOO_LARGE, NOT_SERIALIZABLE…, and
   * what your connection throws; the transaction stays as it was before the call.
   */
  readonly enqueue: EnqueueWithin;
}

export async function openWithin(core: AppCore, connection: Parameters<AppCore["within"]>[0]): Promise<Within> {
  const transactional = await core.within(connection);
  return {
    enqueue: ((workflow: AnySignature, options: LaunchOptions = {}) =>
      enqueueWithin(core, transactional, workflow, options)) as unknown as EnqueueWithin,
  };
}

function enqueueWithin(
  core: AppCore,
  transactional: Transactional,
  workflow: AnySignature,
  options: LaunchOptions,
): AsyncResult<unknown> {
  const id = options.id ?? workflow.id;
  return core.dispatch(
    workflow.toJSON(),
    { ...options, ...(id !== undefined && { id }) },
    ({ sends, joins, result, steps }) => {
      const sent = sentOf(steps, transactional.publish(sends, joins), core.config);
      return handleOfSent(
        core,
        result,
        sent.every(({ kind }) => kind === "duplicate"),
      );
    },
  );
}
