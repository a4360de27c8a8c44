/** What is asked of tasks: which ones a worker has, and which ones it knows. */

import type { Execution } from "../execution.ts";
import { type Command, type Station } from "./command.ts";
import { requestInfo } from "./request-info.ts";

/** Entries of one answer; a worker of more slots than this lists the first. */
const most = 2000;
/** Celery's. */
const usualItems = ["exchange", "routing_key", "rate_limit"] as const;

const listed = (executions: Iterable<Execution>, { id }: Station, safe: boolean): readonly unknown[] =>
  [...executions].slice(0, most).map((execution) => requestInfo(execution, id, safe));

export const taskCommands: readonly Command[] = [
  {
    name: "active",
    alias: "dump_active",
    optional: ["safe"],
    run: (station, { named }) => listed(station.flow.slots.running.values(), station, named["safe"] === true),
  },
  {
    name: "reserved",
    alias: "dump_reserved",
    run: (station) => listed(station.flow.slots.reserved, station, false),
  },
  {
    // What is to run later waits in the broker, where every worker finds it; none holds it in its memory.
    name: "scheduled",
    alias: "dump_schedule",
    run: () => [],
  },
  {
    name: "revoked",
    alias: "dump_revoked",
    run: ({ orders }) => [...orders.revocations.ids.keys()],
  },
  {
    name: "query_task",
    required: ["ids"],
    run: (station, { named: { ids } }) => {
      const wanted = new Set(Array.isArray(ids) ? (ids as readonly unknown[]) : [ids]);
      const found: Record<string, unknown> = {};
      const look = (executions: Iterable<Execution>, state: "active" | "reserved"): void => {
        for (const execution of executions) {
          const { id } = execution.headers;
          if (wanted.has(id)) found[id] = [state, requestInfo(execution, station.id, false)];
        }
      };
      look(station.flow.slots.reserved, "reserved");
      look(station.flow.slots.running.values(), "active");
      return found;
    },
  },
  {
    name: "registered",
    alias: "dump_tasks",
    optional: ["taskinfoitems", "builtins"],
    run: (station, { named: { taskinfoitems, builtins } }) => {
      const items = Array.isArray(taskinfoitems) && taskinfoitems.length > 0 ? taskinfoitems.map(String) : usualItems;
      return station.registry
        .list()
        .filter(({ name, handler }) => handler !== undefined && (builtins === true || !name.startsWith("celery.")))
        .map(({ name }) => name)
        .toSorted()
        .map((name) => described(station, name, items));
    },
  },
];

/** "proj.add [rate_limit=10/m]", as Celery writes it; items that a task lacks are left out. */
function described(station: Station, name: string, items: readonly string[]): string {
  const facts = factsOf(station, name);
  const told = items.flatMap((item) => {
    const value = facts[item];
    return value === undefined || value === null ? [] : [`${item}=${printed(value)}`];
  });
  return told.length === 0 ? name : `${name} [${told.join(" ")}]`;
}

/** Python's attributes of a task, as far as ours have the like. */
function factsOf({ registry, orders }: Station, name: string): Readonly<Record<string, unknown>> {
  const definition = registry.get(name);
  const limit = orders.limitOf(name);
  const seconds = (ms: number | null | undefined): number | undefined => (ms == null ? undefined : ms / 1000);
  return {
    name,
    queue: definition?.queue,
    priority: definition?.priority,
    rate_limit: limit?.rate ?? rateOf(definition?.rate),
    time_limit: seconds(limit?.hard ?? definition?.timeLimit),
    soft_time_limit: seconds(limit?.soft ?? definition?.softTimeLimit),
    max_retries: definition?.retry?.limit,
    acks_late: definition && definition.ack !== "early",
    ignore_result: definition?.ignoreResult,
    track_started: definition?.trackStarted,
    serializer: "json",
  };
}

function rateOf(rate: { readonly limit: number; readonly per: number } | undefined): string | undefined {
  if (rate === undefined) return undefined;
  const unit = rate.per === 60_000 ? "m" : rate.per === 3_600_000 ? "h" : "s";
  return `${String(rate.limit)}/${unit}`;
}

function printed(value: unknown): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}
