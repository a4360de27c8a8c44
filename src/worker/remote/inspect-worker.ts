/** What is asked of a worker itself: how it is, what it is set to, which queues it takes from. */

import { arch, release, type as systemName } from "node:os";
import { redactUrl } from "../../app/connect.ts";
import { valueRepr } from "../../wire/repr.ts";
import type { Revocation } from "../../control/facts.ts";
import { mebibytes, softwareVersion } from "./software.ts";
import { type Command, ok, PythonError, type Station } from "./command.ts";
import { statistics } from "./statistics.ts";

/** Revokes that another worker is told when it comes up, the newest: it has the rest as facts. */
const mostTold = 5000;

export const workerCommands: readonly Command[] = [
  { name: "ping", run: () => ok("pong") },
  { name: "stats", run: statistics },
  { name: "clock", run: ({ events }) => ({ clock: events.clock.value }) },
  { name: "conf", alias: "dump_conf", optional: ["with_defaults"], run: settingsOf },
  { name: "report", strict: true, run: (station) => ok(report(station)) },
  { name: "active_queues", strict: true, run: ({ settings }) => settings.queues.map(queueFacts) },
  {
    name: "hello",
    required: ["from_node"],
    optional: ["revoked"],
    run: ({ id, orders, events }, { named: { from_node: from, revoked } }) => {
      if (from === id) return null;
      const told = toldRevokes(revoked);
      for (const [at, ids] of told) orders.hear("id", ids, { terminate: false, signal: "SIGTERM", at }, "heard");
      return { revoked: knownRevokes(orders.revocations.ids), clock: events.clock.forward() };
    },
  },
  { name: "memsample", run: () => `${mebibytes()}MB` },
  { name: "memdump", optional: ["samples"], run: () => `- rss: ${mebibytes()}MB.\n` },
  {
    name: "objgraph",
    optional: ["num", "max_depth", "type"],
    run: () => {
      throw new PythonError("ImportError", "Requires the objgraph library");
    },
  },
  {
    name: "enable_events",
    strict: true,
    run: ({ events }) => ok(events.enable() ? "task events enabled" : "task events already enabled"),
  },
  {
    name: "disable_events",
    strict: true,
    run: ({ events }) => ok(events.disable() ? "task events disabled" : "task events already disabled"),
  },
  {
    name: "heartbeat",
    strict: true,
    run: ({ events }) => {
      events.beat();
      return null;
    },
  },
  // Only who has asked for an election can win it, and no worker of ours asks: it answers its events.
  { name: "election", required: ["id", "topic"], optional: ["action"], run: () => null },
];

/** As workers tell each other: by id, with the moment in seconds. Python takes only numbers with a fraction for one. */
export function knownRevokes(
  ids: ReadonlyMap<string, Pick<Revocation, "at">>,
): Readonly<Record<string, readonly [number, string]>> {
  const newest = [...ids].slice(-mostTold);
  return Object.fromEntries(newest.map(([id, { at }]) => [id, [fractional(at / 1000), id] as const]));
}

function fractional(seconds: number): number {
  return Number.isInteger(seconds) ? seconds + 0.001 : seconds;
}

/** What another told, by its moment (unix ms): `{id: seconds}` or `{id: [seconds, id]}`. */
export function toldRevokes(revoked: unknown): ReadonlyMap<number, readonly string[]> {
  const told = new Map<number, string[]>();
  if (typeof revoked !== "object" || revoked === null) return told;
  for (const [id, value] of Object.entries(revoked).slice(0, mostTold)) {
    const seconds: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof seconds !== "number" || !(seconds > 0) || id.length > 512) continue;
    const at = Math.round(seconds * 1000);
    const ids = told.get(at) ?? [];
    told.set(at, ids);
    ids.push(id);
  }
  return told;
}

/** Celery's names for what this worker is set to; what it has no like of is not there. */
function settingsOf({ core: { config }, settings, events, size }: Station): Readonly<Record<string, unknown>> {
  return {
    accept_content: ["json"],
    task_serializer: "json",
    result_serializer: "json",
    enable_utc: true,
    timezone: "UTC",
    broker_url: redactUrl(config.broker),
    broker_transport_options: config.keyPrefix === "" ? {} : { global_keyprefix: config.keyPrefix },
    result_backend: redactUrl(config.results === "rpc:" ? "rpc://" : (config.results ?? config.broker)),
    result_expires: config.resultTtl / 1000,
    result_extended: config.resultExtended,
    task_default_queue: config.defaultQueue,
    task_compression: config.compression ?? null,
    task_acks_late: true,
    task_reject_on_worker_lost: true,
    control_exchange: "celery",
    event_exchange: "celeryev",
    worker_concurrency: size.slots,
    worker_pool: settings.pool,
    worker_pool_restarts: true,
    worker_enable_remote_control: true,
    worker_send_task_events: events.enabled,
  };
}

function report(station: Station): string {
  const { core } = station;
  const lines = Object.entries(settingsOf(station)).map(([name, value]) => `${name}: ${valueRepr(value)}`);
  return [
    "",
    `software -> celeriac:${softwareVersion} node:${process.versions.node}`,
    `            v8:${process.versions.v8}`,
    `platform -> system:${systemName()} arch:${arch()}`,
    `            kernel version:${release()} imp:Node.js`,
    `settings -> transport:${core.config.broker.protocol.slice(0, -1)} results:${redactUrl(core.config.results ?? core.config.broker)}`,
    "",
    ...lines,
    "",
  ].join("\n");
}

function queueFacts(name: string): Readonly<Record<string, unknown>> {
  const exchange = { name, type: "direct", arguments: null, durable: true, passive: false, auto_delete: false };
  return {
    name,
    exchange: { ...exchange, delivery_mode: null, no_declare: false },
    routing_key: name,
    queue_arguments: null,
    binding_arguments: null,
    consumer_arguments: null,
    durable: true,
    exclusive: false,
    auto_delete: false,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: null,
  };
}
