/**
 * A master of Redis that dies, or is made a replica, while producers send and workers work. A replica lags behind, so what was accepted last
 * may be gone; what had been passed on is not, and everybody goes on by themselves.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { createApp, type App, type WorkerEvent } from "../../src/index.ts";
import { eventually } from "../server/redis-backend.ts";
import { startSentinel, type SentinelSetUp } from "../server/redis-sentinel.ts";
import { describeWith } from "../server/required-program.ts";

const name = "mymaster";
/** Tasks before the promotion, and after it. */
const portion = 150;
const lease = 3_000;
/** Until the sentinel counts the master as dead, has asked around and promoted the replica: 3 s and some, with room for a busy machine. */
const failover = 15_000;

interface Succeeded {
  readonly id: string;
  readonly at: number;
}

/** Two workers and a producer, each with a connection of its own, and what they saw. */
class Load implements AsyncDisposable {
  readonly accepted = new Map<string, number>();
  readonly succeeded: Succeeded[] = [];
  readonly runs: { readonly id: string; readonly worker: string; readonly at: number }[] = [];
  readonly producer: App;
  readonly #apps: App[];
  readonly #task: { enqueue: (input: { id: string }, options: { id: string }) => Promise<unknown> };
  #sending: Promise<void> | undefined;
  #stopped = false;

  constructor(broker: string) {
    const open = (app: string): App => createApp({ name: app, broker, publishTimeout: "60s" });
    this.producer = open("producer");
    this.#task = this.producer.remote<(input: { id: string }) => string>("load.work");
    this.#apps = [this.producer, ...["first", "second"].map((worker) => this.#worker(open(worker), worker))];
  }

  #worker(app: App, worker: string): App {
    app.task("load.work", async ({ id }: { id: string }) => {
      this.runs.push({ id, worker, at: performance.now() });
      // So that some run whenever the master goes.
      await sleep(20);
      return `${worker} ${String(this.runs.length)}`;
    });
    return app;
  }

  async start(): Promise<void> {
    const onEvent = ({ type, id }: WorkerEvent): void => {
      if (type === "task:succeeded" && id !== undefined) this.succeeded.push({ id, at: performance.now() });
    };
    for (const app of this.#apps.slice(1))
      await app.work({ pool: "inline", concurrency: 4, lease, sweep: 200, grace: "1s", onEvent });
    this.#sending = this.#send();
  }

  async #send(): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      await this.sendAgain(`task-${String(n)}`);
      // A load that two workers keep up with.
      await sleep(10);
    }
  }

  /** The same id until it is accepted, as the guarantee says. */
  async sendAgain(id: string): Promise<void> {
    await eventually(`${id} to be accepted`, () =>
      this.#task.enqueue({ id }, { id }).then(
        () => true,
        () => false,
      ),
    );
    this.accepted.set(id, performance.now());
  }

  async stopSending(): Promise<void> {
    this.#stopped = true;
    await this.#sending;
  }

  /** Ids that succeeded by now. */
  get done(): ReadonlySet<string> {
    return new Set(this.succeeded.map(({ id }) => id));
  }

  async idle(): Promise<boolean> {
    const queues = await this.producer.queues.list();
    return queues.every(
      ({ ready, leased, delayed }) => ready.every(({ count }) => count === 0) && !leased && (delayed ?? 0) === 0,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#apps.map((app) => app.close()));
    await this.#sending?.catch(() => undefined);
  }
}

/** Resolves when the replica has all that the master knows now. */
async function passedOn({ master, replica }: SentinelSetUp): Promise<void> {
  const offset = async (from: typeof master, field: string): Promise<number> =>
    Number(new RegExp(`${field}:(\\d+)`).exec(await from.cli("info", "replication"))?.[1]);
  const told = await offset(master, "master_repl_offset");
  await eventually("the replica", async () => (await offset(replica, "slave_repl_offset")) >= told);
}

async function promoted({ replica }: SentinelSetUp): Promise<void> {
  // Who is promoted loses all clients once, redis-cli among them.
  const role = (): Promise<string> => replica.cli("role").catch(() => "in between");
  await eventually("the new master", async () => (await role()).startsWith("master"));
}

const ways: readonly (readonly [string, (group: SentinelSetUp) => Promise<void>])[] = [
  [
    "dies",
    async (group) => {
      await group.master.kill();
      await promoted(group);
    },
  ],
  [
    "is made a replica",
    async (group) => {
      // Not before the sentinel has seen the replica well.
      await eventually("the order", async () => (await group.ask("sentinel", "failover", name)) === "OK");
      await promoted(group);
      // The old one accepts work until it is told, ten seconds later.
      await eventually("its demotion", async () => (await group.master.cli("role")).startsWith("slave"));
    },
  ],
];

describeWith("redis-server", "a promotion under load", () => {
  it.each(ways)(
    "loses nothing that was passed on, and all go on, when the master %s",
    async (_, go) => {
      await using group = await startSentinel({ name });
      await using load = new Load(`sentinel://127.0.0.1:${String(group.port)}?master=${name}`);
      await load.start();
      await eventually("work to be done", () => load.done.size >= portion);
      const safe = { accepted: new Set(load.accepted.keys()), done: new Set(load.done) };
      await passedOn(group);
      const before = performance.now();
      await go(group);
      const after = performance.now();
      await eventually(
        "sends to go on",
        () => [...load.accepted.values()].filter((at) => at > after).length >= portion,
      );
      const resumed = [...load.accepted.values()].find((at) => at > after) ?? Infinity;
      await load.stopSending();
      // What is held by nobody, as far as the new master knows, comes again after a lease.
      await eventually("nothing to be left", () => load.idle(), lease + failover);
      const lost = [...load.accepted.keys()].filter((id) => !load.done.has(id));
      expect(lost.filter((id) => safe.accepted.has(id))).toEqual([]);
      expect(lost.filter((id) => (load.accepted.get(id) ?? 0) > after)).toEqual([]);
      for (const id of lost) await load.sendAgain(id);
      await eventually("what was lost to be done", () => lost.every((id) => load.done.has(id)));

      // What the new master knew to be done is not begun again; of the others each succeeds once on it.
      expect(load.runs.filter(({ id, at }) => safe.done.has(id) && at > before)).toEqual([]);
      const told = load.succeeded.filter(({ at }) => at > after).map(({ id }) => id);
      expect(told.filter((id, index) => told.indexOf(id) !== index)).toEqual([]);
      // No worker stands by while there is work.
      const workers = new Set(load.runs.flatMap(({ worker, at }) => (at > resumed ? [worker] : [])));
      expect([...workers].sort()).toEqual(["first", "second"]);
      for (const worker of workers) {
        const again = load.runs.find((run) => run.worker === worker && run.at > after);
        expect((again?.at ?? Infinity) - after).toBeLessThan(lease + failover);
      }
    },
    300_000,
  );
});
