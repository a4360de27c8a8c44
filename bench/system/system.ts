/** What a queue must offer to be measured: a producer and a worker of no-op tasks, each opened in a process of its own. */

export interface SystemOptions {
  /** Redis, RabbitMQ: a URL. SQLite: the path of a file. memory: anything. */
  readonly address: string;
  /** Where results go, if not with the messages: a URL of Redis, or `rpc://`. */
  readonly results: string | undefined;
  /** Every commit reaches the disk before it is answered (SQLite's `synchronous = FULL`). */
  readonly durable: boolean;
  readonly concurrency: number;
  /** Tasks are spread over so many, and a worker takes from all. Ours alone; default 1. */
  readonly queues?: number;
  /** Where handlers run, for systems that have a choice. */
  readonly pool: "inline" | "process";
}

/** One task there and back: milliseconds of the machine's monotonic clock. */
export interface Probe {
  /** Just before the call that enqueues. */
  readonly sent: number;
  /** In the handler. `undefined` where results carry no value: the worker knows it then. */
  readonly handled: number | undefined;
  /** The result is in the producer's hands. `undefined` where a system has no results to wait for. */
  readonly answered: number | undefined;
}

export interface Producer {
  /** Sends one task; resolves when the server has it. */
  send(payload: Payload): Promise<unknown>;
  /** Sends many in the way the system offers for many. */
  sendMany(payloads: readonly Payload[], delay?: string): Promise<unknown>;
  /** Sends one `count` times in single calls, for systems whose producer is no Node process; instead of a loop around `send`. */
  sendAll?(payload: Payload, count: number): Promise<void>;
  /** A chord of no-op members, for systems that have such; resolves with the result of its body, which is the number of members. */
  chord?(members: number): Promise<void>;
  probe(payload: Payload): Promise<Probe>;
  close(): Promise<void>;
}

export interface RunningWorker {
  close(): Promise<void>;
}

export interface System {
  openProducer(options: SystemOptions): Promise<Producer>;
  /** `done` is called once for each task whose completion the system itself has reported. */
  openWorker(options: SystemOptions, done: () => void): Promise<RunningWorker>;
  /** Times in the handler of probes, oldest first, where the result does not carry them. */
  readonly handledTimes?: number[];
}

export interface Payload {
  readonly n: number;
  readonly probe?: boolean;
  readonly text: string;
}

/** Of the machine, so that times of two processes can be subtracted. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;

/** The task of every system: nothing, or, asked for a probe, the time. */
export const handle = (payload: Payload): number => (payload.probe === true ? monotonic() : payload.n);

/** A payload of `bytes` as compact JSON. */
export function payloadOf(n: number, bytes: number): Payload {
  const bare = JSON.stringify({ n, text: "" }).length;
  return { n, text: "x".repeat(Math.max(0, bytes - bare)) };
}
