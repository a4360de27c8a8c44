/**
 * Messages on one server, results or schedules on another: their ports as one backend. Nothing here is one step any more, so the worker keeps
 * the order that makes each step safe to repeat, and a tick of a schedule that lies elsewhere is sent in two.
 */

import type { Clock } from "../clock/clock.ts";
import type { Backend, ServerBackend } from "../port/backend.ts";
import type { DeadLetter, DeadLetters } from "../port/queue-admin.ts";
import type { ResultStore } from "../port/result-store.ts";
import type { Warning } from "../port/units.ts";
import { brokerReplies } from "./broker-replies.ts";
import { RpcResultStore } from "./rpc-results.ts";
import { TwoStepLease, type TwoStepOptions } from "./two-step-lease.ts";

/** Letters looked through for the ids of those that are to be redriven. */
const pageSize = 200;

/** What `results` says: a store of another server, or answers over the broker (`address` is where they come). */
export type ResultsPlace = { readonly server: ServerBackend } | { readonly address: string; readonly ttl: number };

export function pairBackends(messages: ServerBackend, results: ResultsPlace, options: TwoStepOptions): Backend {
  const { clock } = options;
  const server = "server" in results ? results.server : undefined;
  const store = server?.store ?? rpcStore(messages, results, clock);
  // Both close, whatever becomes of the other; results last, because a closing consumer may still tell the ledger.
  const close = async (): Promise<void> => {
    const ends = [
      await Promise.allSettled([server === undefined ? store.close() : undefined]),
      await Promise.allSettled([messages.close()]),
      await Promise.allSettled([server?.close()]),
    ].flat();
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  };
  const { broker, bus } = messages;
  return {
    broker: new Proxy(broker, {
      get(target, key) {
        if (key === "dead") return forgetting(broker.dead, store);
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    }),
    store,
    bus,
    ...schedulesOf(messages, server, options),
    limits: messages.limits ?? server?.limits,
    async open(signal): Promise<readonly Warning[]> {
      const warnings = await messages.open(signal);
      return [...warnings, ...(await (server ?? store).open(signal))];
    },
    close,
  };
}

/** The same with leadership, ticks and shared facts on `database`, which is neither the broker nor the store of the results. */
export function withSchedules(backend: Backend, database: ServerBackend, options: TwoStepOptions): Backend {
  const { broker, store, bus } = backend;
  return {
    broker,
    store,
    bus,
    ...schedulesOf({ ...backend, lease: undefined }, database, options),
    limits: backend.limits ?? database.limits,
    async open(signal): Promise<readonly Warning[]> {
      const warnings = await backend.open(signal);
      return [...warnings, ...(await database.open(signal))];
    },
    async close(): Promise<void> {
      const ends = [await Promise.allSettled([backend.close()]), await Promise.allSettled([database.close()])].flat();
      for (const end of ends) if (end.status === "rejected") throw end.reason;
    },
  };
}

/** Where a tick and its messages can go in one step, they do. */
function schedulesOf(
  { broker, lease, control }: Pick<ServerBackend, "broker" | "lease" | "control">,
  database: ServerBackend | undefined,
  options: TwoStepOptions,
): Pick<Backend, "lease" | "control"> {
  if (lease !== undefined) return { lease, control };
  if (database?.lease === undefined) return { lease: undefined, control: undefined };
  return { lease: new TwoStepLease(database.lease, broker, options), control: database.control };
}

function rpcStore(messages: ServerBackend, results: ResultsPlace, clock: Clock): ResultStore {
  const { address, ttl } = "address" in results ? results : { address: crypto.randomUUID(), ttl: 86_400_000 };
  return new RpcResultStore({ replies: messages.replies ?? brokerReplies(messages.broker), address, ttl, clock });
}

/** A redriven task must be free to store a result, and the broker does not reach the store. */
function forgetting(dead: DeadLetters, store: ResultStore): DeadLetters {
  return {
    list: (filter, after, limit) => dead.list(filter, after, limit),
    drop: (keys) => dead.drop(keys),
    async redrive(keys) {
      const ids = (await letters(dead, new Set(keys))).flatMap(({ id }) => (id === undefined ? [] : [id]));
      await store.forget(ids);
      return dead.redrive(keys);
    },
  };
}

async function letters(dead: DeadLetters, keys: ReadonlySet<string>): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = [];
  let after: string | undefined;
  do {
    const page = await dead.list({}, after, pageSize);
    found.push(...page.items.filter(({ key }) => keys.has(key)));
    after = page.next;
  } while (after !== undefined && found.length < keys.size);
  return found;
}
