/** What `createApp` is told, checked and resolved once. Nothing here opens a file or a connection. */

import { type Clock, systemClock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import { refuseUnknown } from "../task/options.ts";
import type { Telemetry } from "../task/telemetry.ts";
import { type Compression, compressions, isCompression, type Packing } from "../wire/compression.ts";
import { checkQueueName } from "../wire/name.ts";
import { parseBrokerUrl, parseResultsUrl, type RpcResults } from "./connect.ts";
import { checkLogger, type StructuredLogger } from "./structured-log.ts";
import { resolveSigning, type Signing, type SigningOptions } from "./signing.ts";

/**
 * What an app is made of.
 *
 * @example
 * ```ts
 * import { createApp } from "celeriac";
 * export const app = createApp({
 *   name: "shop",
 *   broker: process.env.CELERIAC_BROKER ?? "sqlite:celeriac.db",
 *   tasks: () => [import("./tasks.ts")],
 * });
 * ```
 */
export interface AppOptions {
  /** For logs, lists and `doctor`. Default "celeriac". */
  readonly name?: string;
  /** Where messages live: `sqlite:`, `redis:`, `rediss:`, `sentinel:`, `amqp:`, `amqps:` or `memory:`. Default "sqlite:celeriac.db". */
  readonly broker?: string | URL;
  /**
   * Where results live, if not with the messages: `redis:`, `rediss:`, `sqlite:`, `memory:`, or `rpc://`, which sends each to whoever sent
   * its task. Default: with the messages; for RabbitMQ, which keeps none, `rpc://`.
   */
  readonly results?: string | URL;
  /**
   * Where schedules are kept, and who leads them, if neither the broker nor the place of the results is a database: `sqlite:`, `redis:`,
   * `rediss:`, `sentinel:` or `memory:`. Default: the broker, or else the results' place; RabbitMQ with `rpc://` has none.
   */
  readonly schedules?: string | URL;
  /** Loads the modules that declare tasks. Called by workers and their children, never by producers. */
  readonly tasks?: () => Iterable<unknown> | Promise<unknown>;
  /** Default: real time. Tests put a virtual one in its place. */
  readonly clock?: Clock;
  /** Put before every key, as kombu's `global_keyprefix`. Default "". */
  readonly keyPrefix?: string;
  /** A larger message is refused with MESSAGE_TOO_LARGE. Bytes; default 1 MiB. */
  readonly maxMessageBytes?: number;
  /** Pack arguments of more than `compressOver` bytes: "zlib", "brotli" or "zstd", as Celery's `task_compression`. Default: none. */
  readonly compression?: Compression;
  /** Smaller bodies are not worth packing. Bytes; default 10 240. */
  readonly compressOver?: number;
  /** `enqueue` is refused with QUEUE_FULL over so many waiting messages in one queue. Default 0: no limit. */
  readonly maxDepth?: number;
  /** Longest wait of `delay` and `enqueue` for the broker's answer. Default "5s". */
  readonly publishTimeout?: Duration;
  /** How long results are kept. Default "1d". */
  readonly resultTtl?: Duration;
  /** Store with each result what was called, with which arguments and by which worker, as Celery's `result_extended`. Default false. */
  readonly resultExtended?: boolean;
  /**
   * Tell monitors of each call that is sent, as Celery's `task_send_sent_event`: `true` always, "auto" as long as somebody may be listening.
   * Default "auto".
   */
  readonly sentEvents?: boolean | "auto";
  /** Sign messages to tasks and workers, and take none that are not. Default: none, at no cost. */
  readonly signing?: SigningOptions;
  /** Start on a Redis that evicts keys, though that may lose tasks. Default false. */
  readonly allowEviction?: boolean;
  /** Queue of tasks that name none. Default "celery", as Python's workers have it. */
  readonly defaultQueue?: string;
  /** A logger such as pino's, for what the connection warns of, and for workers and schedulers that name no other. Default: none. */
  readonly log?: StructuredLogger;
  /** Spans and figures of what is sent and run: `openTelemetry()` of `celeriac/opentelemetry`. Default: none, at no cost. */
  readonly telemetry?: Telemetry;
  /** Where pool children find this app; needed only if that cannot be found out: `import.meta.url`. */
  readonly module?: string | URL;
}

/** {@link AppOptions}, checked, with defaults, in milliseconds. */
export interface AppConfig extends Packing {
  readonly name: string;
  readonly broker: URL;
  /** `undefined`: with the messages. */
  readonly results: URL | RpcResults | undefined;
  /** `undefined`: with the messages or the results. */
  readonly schedules: URL | undefined;
  readonly clock: Clock;
  readonly keyPrefix: string;
  readonly maxMessageBytes: number;
  readonly maxDepth: number;
  readonly publishTimeout: number;
  readonly resultTtl: number;
  readonly resultExtended: boolean;
  readonly sentEvents: boolean | "auto";
  /** `undefined`: nothing is signed, and nothing asked for it. */
  readonly signing: Signing | undefined;
  /** There are keys, and this is a child of a pool, which gets none: what it sent by itself would be refused. */
  readonly keysWithheld: boolean;
  readonly allowEviction: boolean;
  readonly defaultQueue: string;
  readonly log: StructuredLogger | undefined;
  readonly telemetry: Telemetry | undefined;
  readonly module: string | undefined;
}

const known: Readonly<Record<keyof AppOptions, true>> = {
  allowEviction: true,
  broker: true,
  clock: true,
  compression: true,
  compressOver: true,
  defaultQueue: true,
  keyPrefix: true,
  log: true,
  maxDepth: true,
  maxMessageBytes: true,
  module: true,
  name: true,
  publishTimeout: true,
  resultExtended: true,
  results: true,
  resultTtl: true,
  schedules: true,
  sentEvents: true,
  signing: true,
  tasks: true,
  telemetry: true,
};

/** Throws CONFIG_INVALID, BROKER_URL_INVALID, NAME_INVALID or DURATION_INVALID. */
export function resolveConfig(options: AppOptions): AppConfig {
  refuseUnknown(options, Object.keys(known), "createApp");
  const name = options.name ?? "celeriac";
  if (typeof name !== "string" || name === "") throw config(`name must be a text, not ${JSON.stringify(name)}.`);
  if (options.tasks !== undefined && typeof options.tasks !== "function") {
    throw config(
      'tasks must be a function, so that producers need not load them: tasks: () => [import("./tasks.ts")].',
    );
  }
  const defaultQueue = options.defaultQueue ?? "celery";
  const broker = parseBrokerUrl(options.broker ?? "sqlite:celeriac.db");
  checkQueueName(defaultQueue);
  if (options.compression !== undefined && !isCompression(options.compression))
    throw config(`compression must be one of ${compressions.join(", ")}, not ${JSON.stringify(options.compression)}.`);
  const sentEvents = options.sentEvents ?? "auto";
  if (sentEvents !== true && sentEvents !== false && sentEvents !== "auto")
    throw config(`sentEvents must be true, false or "auto", not ${JSON.stringify(sentEvents)}.`);
  if (options.log !== undefined) checkLogger(options.log, "createApp");
  if (options.telemetry !== undefined && typeof options.telemetry.sending !== "function")
    throw config("telemetry must be what openTelemetry() of celeriac/opentelemetry gives.");
  const results = resultsOf(broker, options.results);
  const signing = resolveSigning(options.signing);
  return {
    name,
    broker,
    results,
    schedules: schedulesOf(broker, results, options.schedules),
    clock: options.clock ?? systemClock,
    keyPrefix: options.keyPrefix ?? "",
    maxMessageBytes: whole(options.maxMessageBytes ?? 1_048_576, 1, "maxMessageBytes"),
    compression: options.compression,
    compressOver: whole(options.compressOver ?? 10_240, 0, "compressOver"),
    maxDepth: whole(options.maxDepth ?? 0, 0, "maxDepth"),
    publishTimeout: durationMs(options.publishTimeout ?? "5s", "createApp: publishTimeout"),
    resultTtl: durationMs(options.resultTtl ?? "1d", "createApp: resultTtl"),
    resultExtended: options.resultExtended ?? false,
    sentEvents,
    signing,
    keysWithheld: signing === undefined && options.signing !== undefined,
    allowEviction: options.allowEviction ?? false,
    defaultQueue,
    log: options.log,
    telemetry: options.telemetry,
    module: options.module === undefined ? undefined : String(options.module),
  };
}

/** RabbitMQ keeps no results, so there they go to whoever asked unless another place is named. */
function resultsOf(broker: URL, results: string | URL | undefined): AppConfig["results"] {
  if (results === undefined) return broker.protocol.startsWith("amqp") ? "rpc:" : undefined;
  const parsed = parseResultsUrl(results);
  if (parsed !== "rpc:" && parsed.protocol.startsWith("amqp"))
    throw config('results cannot be an AMQP URL: RabbitMQ keeps none. Say "rpc://", or name a redis: or sqlite: URL.');
  return String(parsed) === String(broker) ? undefined : parsed;
}

/** Undefined where they would lie there anyway. */
function schedulesOf(broker: URL, results: AppConfig["results"], schedules: string | URL | undefined): URL | undefined {
  if (schedules === undefined) return undefined;
  const parsed = parseBrokerUrl(schedules);
  if (parsed.protocol.startsWith("amqp"))
    throw config("schedules cannot be an AMQP URL: RabbitMQ keeps none. Name a sqlite: or redis: URL.");
  const present = results instanceof URL && broker.protocol.startsWith("amqp") ? results : broker;
  return parsed.href === present.href ? undefined : parsed;
}

function whole(value: number, least: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw config(`${what} must be a whole number of at least ${least}, not ${String(value)}.`);
}

function config(text: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `createApp: ${text}`);
}
