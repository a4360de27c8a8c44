/** The producer and the watcher of a run: sends the jobs, polls final results for changes, and gathers the final state. */

import { coreOf } from "../../src/app/app.ts";
import { chain, chord, group } from "../../src/index.ts";
import { answerOf } from "./acceptance.ts";
import type { Evidence } from "./checker.ts";
import { pause } from "./faults.ts";
import { Finals } from "./finals.ts";
import type { Journal } from "./journal.ts";
import { startPeer } from "./python-peer.ts";
import { idsOf, type Job, type Kind, laterBy, partsOf } from "./workload.ts";

type App = typeof import("./app.ts");

/** Ms for which a job whose enqueue threw is sent again, longer than any fault lasts; the same id makes that safe. */
const insists = 60_000;
const longestPause = 1000;
/** Tasks of a herd in one call. */
const atOnce = 100;
/** Every so many jobs one is sent a second time, so many ms after it was accepted: its id is known for a day. */
const repeated = 20;
const repeatAfter = 1500;

export class Observer {
  readonly #app: App;
  readonly #finals = new Finals();
  readonly #sent = new Set<string>();
  #peer: AsyncDisposable | undefined;

  private constructor(app: App) {
    this.#app = app;
  }

  /** The app module reads its broker from the environment, so it is loaded only now. */
  static async open(): Promise<Observer> {
    return new Observer(await import("./app.ts"));
  }

  /** Sends all jobs: of them always the share that is asked for, between 0 and 1. */
  async send(jobs: readonly Job[], lease: number, share: () => number, journal: Journal): Promise<void> {
    if (process.env["CHAOS_PYTHON"]) {
      const peer = await startPeer(this.#app.app, lease, journal);
      this.#finals.expect(peer.ids);
      this.#peer = peer;
    }
    const sending = new Set<Promise<void>>();
    let lastPoll = performance.now();
    const poll = async (): Promise<void> => {
      if (performance.now() - lastPoll <= 1000) return;
      lastPoll = performance.now();
      await this.#poll();
    };
    for (const [index, job] of jobs.entries()) {
      while (index / jobs.length > share()) {
        await pause(10);
        await poll();
      }
      const one = this.#sendOne(job, lease, journal);
      const sent = index % repeated === 0 ? one.then(() => this.#repeat(job, lease, journal)) : one;
      sending.add(sent);
      void sent.then(() => sending.delete(sent));
      await poll();
    }
    await Promise.all(sending);
  }

  /** Waits until every accepted id has a final result, until none has come for `limit` ms. Others than us have sent tasks too. */
  async drain(limit: number, accepted: ReadonlyMap<string, string>): Promise<void> {
    for (const [id, kind] of accepted) this.#finals.expect(idsOf({ id, kind: kind as Kind }));
    let until = performance.now() + limit;
    for (let known = this.#finals.seen.size; performance.now() < until;) {
      await this.#poll();
      if (this.#finals.seen.size > known) until = performance.now() + limit;
      known = this.#finals.seen.size;
      if (this.#finals.open === 0) break;
      await pause(200);
    }
    // Copies of what has ended are dropped by the workers that still live; what none of them takes is left.
    for (const end = performance.now() + limit; performance.now() < end && (await this.#holds());) await pause(200);
    await pause(200);
    await this.#poll(true);
  }

  async #holds(): Promise<boolean> {
    const { ready, leased, delayed } = await this.#left();
    return ready + leased + delayed > 0;
  }

  async #left(): Promise<Evidence["left"]> {
    const { broker } = await coreOf(this.#app.app).connect();
    const left = { ready: 0, leased: 0, delayed: 0 };
    for (const queue of await broker.queues.list()) {
      left.ready += queue.ready.reduce((sum, { count }) => sum + count, 0);
      left.leased += queue.leased ?? 0;
      left.delayed += queue.delayed ?? 0;
    }
    return left;
  }

  async evidence(): Promise<Pick<Evidence, "sent" | "finals" | "changed" | "dead" | "left">> {
    const { broker } = await coreOf(this.#app.app).connect();
    const dead = new Map<string, { reason: string; attempts: number }>();
    let after: string | undefined;
    do {
      const page = await broker.dead.list({}, after, 200);
      for (const { id, reason, attempts } of page.items) if (id) dead.set(id, { reason, attempts: attempts.length });
      after = page.next;
    } while (after !== undefined);
    const { seen: finals, changed } = this.#finals;
    return { sent: this.#sent, finals, changed, dead, left: await this.#left() };
  }

  async close(): Promise<void> {
    await this.#peer?.[Symbol.asyncDispose]();
    await this.#app.app.close();
  }

  /** Many tasks that are all due in so many ms. */
  async sendHerd(jobs: readonly Job[], wait: number, lease: number, journal: Journal): Promise<void> {
    const at = Date.now() + wait;
    for (const { id } of jobs) {
      this.#sent.add(id);
      journal.add({ k: "due", t: Date.now(), id, at });
    }
    for (let first = 0; first < jobs.length; first += atOnce) {
      const some = jobs.slice(first, first + atOnce);
      const inputs = some.map(({ kind, size }) => ({ kind, size, lease }));
      const options = { id: (_: unknown, index: number) => some[index]?.id ?? "", eta: new Date(at) };
      await this.#insist(some, journal, () => this.#app.work.enqueueMany(inputs, options));
    }
  }

  async #sendOne(job: Job, lease: number, journal: Journal): Promise<void> {
    this.#sent.add(job.id);
    const at = Date.now() + laterBy(job.size);
    if (job.kind === "later") journal.add({ k: "due", t: Date.now(), id: job.id, at });
    await this.#insist([job], journal, () => this.#enqueue(job, lease, at));
  }

  /** Sends until it is answered, and writes down what came of it. */
  async #insist(jobs: readonly Job[], journal: Journal, send: () => Promise<unknown>): Promise<void> {
    const until = performance.now() + insists;
    for (let attempt = 1; performance.now() < until; attempt++) {
      try {
        await send();
        for (const { id, kind } of jobs) journal.add({ k: "accepted", t: Date.now(), id, kind });
        for (const job of jobs) this.#finals.expect(idsOf(job));
        return;
      } catch (error) {
        const answer = answerOf(error);
        for (const { id, kind } of jobs) journal.add({ ...answer, t: Date.now(), id, kind });
        await pause(Math.min(longestPause, 100 * attempt));
      }
    }
  }

  /** As a producer does that does not remember. What waits for another is no message of its own, so no workflows; and none for a time that has come. */
  async #repeat(job: Job, lease: number, journal: Journal): Promise<void> {
    if (partsOf(job).length > 0 || job.kind === "later" || !this.#finals.has(job.id)) return;
    await pause(repeatAfter);
    // Closed in the meantime if the run has failed: the reason is told by whoever knows it.
    const broker = (
      await coreOf(this.#app.app)
        .connect()
        .catch(() => undefined)
    )?.broker;
    if (broker === undefined) return;
    journal.add({ k: "again", t: Date.now(), id: job.id });
    const answer = await this.#enqueue(job, lease).catch((error: unknown) => {
      journal.add({ ...answerOf(error), t: Date.now(), id: job.id, kind: job.kind });
      return undefined;
    });
    // Where the broker knows no ids, the ledger refuses the copy when it would start.
    if (broker.features.dedupe === "publish" && answer?.duplicate === false)
      journal.add({ k: "twice", t: Date.now(), id: job.id });
  }

  /** `at`: when it is due, if it is of a time to come. */
  async #enqueue(job: Job, lease: number, at = Date.now()): Promise<{ readonly duplicate?: boolean }> {
    const { app, work, after, part, body, replaced, failed, endless } = this.#app;
    const { id, kind, size } = job;
    const all = partsOf(job).map((one) => part.si({ size }).set({ id: one }));
    switch (kind) {
      case "chain":
        return app.enqueue(chain(...all, part.si({ size })), { id });
      case "group":
        // A group has no result of its own: its last member is named after the job.
        return app.enqueue(group([...all, part.si({ size }).set({ id })]), { id: `${id}-group` });
      case "chord":
        return app.enqueue(chord(all, body.s()), { id });
      case "failing": {
        const [first, ...others] = all;
        const doomed = part.si({ size, fails: true }).set({ id: first?.id ?? "" });
        const told = failed.s().set({ id: `${id}-after` });
        return app.enqueue(chord([doomed, ...others], body.s().linkError(told)), { id });
      }
      case "replaced":
        return replaced.enqueue({ size }, { id });
      case "endless":
        return endless.enqueue({ size }, { id });
      default: {
        // The one by the clock of whoever sends it, the other by that of whoever holds it.
        const byMoment = Math.round(size * 1000) % 2 === 0 ? { eta: new Date(at) } : { delay: laterBy(size) };
        const when = kind === "later" ? byMoment : {};
        const padding = kind === "big" ? { padding: "x".repeat(100_000) } : {};
        const link = kind === "linked" ? { link: after.s({ of: id }).set({ id: `${id}-after` }) } : {};
        return work.enqueue({ kind, size, lease, ...padding }, { id, ...link, ...when });
      }
    }
  }

  /** Reads some of what is not final yet and a little of what is, or everything. */
  async #poll(all = false): Promise<void> {
    const { store } = await coreOf(this.#app.app).connect();
    await (all ? this.#finals.lookAtAll((ids) => store.get(ids)) : this.#finals.look((ids) => store.get(ids)));
  }
}
