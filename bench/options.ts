/** The command line of the benchmarks. */

import { parseArgs } from "node:util";
import { type BrokerName, brokers } from "./server.ts";

export interface Options {
  readonly what: readonly string[];
  readonly brokers: readonly BrokerName[];
  /** `undefined`: those that the broker has by default. */
  readonly peers: readonly string[] | undefined;
  readonly pool: "inline" | "process";
  readonly rounds: number;
  readonly tasks: number;
  readonly concurrency: number;
  readonly inFlight: number;
  readonly bulkSize: number;
  readonly bytes: number;
  readonly probes: number;
  readonly upkeepTasks: number;
  readonly json: boolean;
  readonly keepBuild: boolean;
  /** Folder for CPU profiles of our own processes. */
  readonly profile: string | undefined;
  /** Flags of node for our own processes. */
  readonly node: readonly string[];
}

const everything = ["enqueue-single", "enqueue-bulk", "consume", "e2e", "latency", "chord", "upkeep", "startup"];

export const usage = `npm run bench [-- --full] [--json FILE] [--docs]
           The budgets in two minutes, or all of them; --json writes a row for each, --docs RESULTS.md

npm run bench -- [what…] [options]

what       ${everything.join(", ")}; enqueue = both; all. Default e2e
--broker   ${brokers.join(", ")}, or several with commas. Default redis
           sqlite: a commit survives the process (NORMAL); sqlite-full: the power cut (FULL)
           redis: appendonly no; redis-aof: appendonly yes, appendfsync everysec
--pool     inline or process. Default inline
           rabbitmq: results on Redis; rabbitmq-rpc: sent to who asked (rpc://)
--peers    bullmq, bee-queue, celery-prefork, celery-threads (Redis), plainjob (SQLite), celery-…, bare, bare-amqplib
           (RabbitMQ), celeriac-events (our own with a monitor listening), or none. Default: those of the broker, but Celery on RabbitMQ alone
--rounds   of each system, in turn. Default 3
--tasks    of a round; BullMQ gets half, plainjob a quarter, Celery a tenth. Default 20000
--concurrency  of the worker. Default 100
--in-flight    single calls without an answer. Default 500
--bulk         tasks of one bulk call. Default 1000
--bytes    of a payload as JSON. Default 100
--probes   of a latency round. Default 200
--upkeep-tasks  of the upkeep measurement. Default 200000
--profile  folder for CPU profiles of our own processes
--node     flags of node for our own processes, in one word: --node="--max-semi-space-size=32"
--keep-build   measure the last build instead of the present sources
--json     one JSON object instead of tables
`;

const celery = ["celery-threads", "celery-prefork"] as const;
/** Our own worker with a monitor listening: what its events cost. */
const told = ["celeriac-events"] as const;
/** The first are measured unless others are asked for. */
const peers: Readonly<Record<BrokerName, { readonly usual: readonly string[]; readonly more?: readonly string[] }>> = {
  memory: { usual: [] },
  sqlite: { usual: ["plainjob"], more: told },
  "sqlite-full": { usual: ["plainjob"] },
  redis: { usual: ["bullmq", "bee-queue"], more: [...celery, ...told] },
  "redis-aof": { usual: ["bullmq", "bee-queue"], more: celery },
  rabbitmq: { usual: ["bare", "bare-amqplib", ...celery], more: told },
  "rabbitmq-rpc": { usual: celery },
};

/** Those of the broker that were asked for. */
export function peersOf(broker: BrokerName, asked: readonly string[] | undefined): readonly string[] {
  const { usual, more = [] } = peers[broker];
  return asked === undefined ? usual : [...usual, ...more].filter((peer) => asked.includes(peer));
}

function peersFrom(text: string | undefined): readonly string[] | undefined {
  if (text === undefined || text === "none") return text === undefined ? undefined : [];
  const known = new Set(Object.values(peers).flatMap(({ usual, more = [] }) => [...usual, ...more]));
  return listed(text, [...known], "--peers");
}

/** `undefined` where help was asked for. Throws on what it does not know. */
export function optionsFrom(args: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      broker: { type: "string", default: "redis" },
      pool: { type: "string", default: "inline" },
      peers: { type: "string" },
      rounds: { type: "string", default: "3" },
      tasks: { type: "string", default: "20000" },
      concurrency: { type: "string", default: "100" },
      "in-flight": { type: "string", default: "500" },
      bulk: { type: "string", default: "1000" },
      bytes: { type: "string", default: "100" },
      probes: { type: "string", default: "200" },
      "upkeep-tasks": { type: "string", default: "200000" },
      profile: { type: "string" },
      node: { type: "string", default: "" },
      "keep-build": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const number = (
    name: "rounds" | "tasks" | "concurrency" | "in-flight" | "bulk" | "bytes" | "probes" | "upkeep-tasks",
  ) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number of at least 1`);
    return value;
  };
  return {
    what: whatFrom(positionals),
    brokers: listed(values.broker, brokers, "--broker"),
    peers: peersFrom(values.peers),
    pool: listed(values.pool, ["inline", "process"] as const, "--pool")[0] ?? "inline",
    rounds: number("rounds"),
    tasks: number("tasks"),
    concurrency: number("concurrency"),
    inFlight: number("in-flight"),
    bulkSize: number("bulk"),
    bytes: number("bytes"),
    probes: number("probes"),
    upkeepTasks: number("upkeep-tasks"),
    json: values.json,
    keepBuild: values["keep-build"],
    profile: values.profile,
    node: values.node.split(" ").filter((flag) => flag !== ""),
  };
}

function whatFrom(words: readonly string[]): readonly string[] {
  if (words.length === 0) return ["e2e"];
  const all = words.flatMap((word) =>
    word === "all" ? everything : word === "enqueue" ? ["enqueue-single", "enqueue-bulk"] : [word],
  );
  for (const word of all) if (!everything.includes(word)) throw new Error(`nothing is called "${word}"; see --help`);
  return [...new Set(all)];
}

function listed<T extends string>(text: string, known: readonly T[], flag: string): readonly T[] {
  return text.split(",").map((word) => {
    const found = known.find((one) => one === word);
    if (found === undefined) throw new Error(`${flag} knows ${known.join(", ")}, not "${word}"`);
    return found;
  });
}
