/** The producer and the watcher of a run: sends the jobs, polls final results for changes, and gathers the final state. */

import { coreOf } from "../../src/app/app.ts";
import { stringifyJson } from "../../src/wire/json.ts";
import { decodeTaskMeta } from "../../src/wire/outcome.ts";
import type { Evidence, Final } from "./checker.ts";
import { pause } from "./faults.ts";
import type { Entry, Journal } from "./journal.ts";
import type { Job } from "./workload.ts";

type App = typeof import("./app.ts");

const finalStates = new Set(["SUCCESS", "FAILURE", "REVOKED"]);
/** How often a job whose enqueue threw is sent again; the same id makes that safe. */
const tries = 8;

export class Observer {
  readonly #app: App;
  readonly #ids = new Set<string>();
  readonly #finals = new Map<string, Final>();
  readonly #changed = new Set<string>();

  private constructor(app: App) {
    this.#app = app;
  }

  /** The app module reads its broker from the environment, so it is loaded only now. */
  static async open(): Promise<Observer> {
    return new Observer(await import("./app.ts"));
  }

  /** Sends all jobs, spread over `span` ms. */
  async send(jobs: readonly Job[], lease: number, span: number, journal: Journal): Promise<void> {
    const began = performance.now();
    const sending: Promise<void>[] = [];
    let lastPoll = began;
    for (const [index, job] of jobs.entries()) {
      const wait = began + (span * index) / jobs.length - performance.now();
      if (wait > 0) await pause(wait);
      sending.push(this.#sendOne(job, lease, journal));
      if (performance.now() - lastPoll > 1000) {
        lastPoll = performance.now();
        await this.#poll();
      }
    }
    await Promise.all(sending);
  }

  /** Waits until every accepted id has a final result, at most `limit` ms. Others than us have sent tasks too. */
  async drain(limit: number, journal: readonly Entry[]): Promise<void> {
    for (const entry of journal) {
      if (entry.k !== "accepted") continue;
      this.#ids.add(entry.id);
      if (entry.kind === "linked") this.#ids.add(`${entry.id}-after`);
    }
    const until = performance.now() + limit;
    while (performance.now() < until) {
      await this.#poll();
      if ([...this.#ids].every((id) => this.#finals.has(id))) break;
      await pause(200);
    }
    await pause(200);
    await this.#poll(true);
  }

  async evidence(): Promise<Omit<Evidence, "journal" | "shadow">> {
    const { broker } = await coreOf(this.#app.app).connect();
    const dead = new Map<string, { reason: string; attempts: number }>();
    let after: string | undefined;
    do {
      const page = await broker.dead.list({}, after, 200);
      for (const { id, reason, attempts } of page.items) if (id) dead.set(id, { reason, attempts: attempts.length });
      after = page.next;
    } while (after !== undefined);
    const left = { ready: 0, leased: 0, delayed: 0 };
    for (const queue of await broker.queues.list()) {
      left.ready += queue.ready.reduce((sum, { count }) => sum + count, 0);
      left.leased += queue.leased ?? 0;
      left.delayed += queue.delayed ?? 0;
    }
    return { finals: this.#finals, changed: this.#changed, dead, left };
  }

  async close(): Promise<void> {
    await this.#app.app.close();
  }

  async #sendOne(job: Job, lease: number, journal: Journal): Promise<void> {
    const { work, after } = this.#app;
    const padding = job.kind === "big" ? { padding: "x".repeat(100_000) } : {};
    const followed = job.kind === "linked";
    for (let attempt = 1; attempt <= tries; attempt++) {
      try {
        await work.enqueue(
          { kind: job.kind, size: job.size, lease, ...padding },
          { id: job.id, ...(followed ? { link: after.s({ of: job.id }).set({ id: `${job.id}-after` }) } : {}) },
        );
        journal.add({ k: "accepted", t: Date.now(), id: job.id, kind: job.kind });
        this.#ids.add(job.id);
        if (followed) this.#ids.add(`${job.id}-after`);
        return;
      } catch {
        journal.add({ k: "unclear", t: Date.now(), id: job.id, kind: job.kind });
        await pause(100 * attempt);
      }
    }
  }

  /** Reads what is not final yet, or everything (`all`), and notices a final result that is not what it was. */
  async #poll(all = false): Promise<void> {
    const wanted = [...this.#ids].filter((id) => all || !this.#finals.has(id) || Math.random() < 0.1);
    const { store } = await coreOf(this.#app.app).connect();
    for (let i = 0; i < wanted.length; i += 200) {
      const ids = wanted.slice(i, i + 200);
      const outcomes = await store.get(ids).catch(() => []);
      outcomes.forEach((outcome, index) => {
        const id = ids[index];
        if (id === undefined || !outcome || !finalStates.has(outcome.state)) return;
        const meta = decodeTaskMeta(outcome.meta);
        const final: Final = {
          state: outcome.state,
          result: stringifyJson(meta.result),
          fence: meta.celeriac?.fence,
          at: meta.dateDone ?? undefined,
        };
        const former = this.#finals.get(id);
        if (former && (former.state !== final.state || former.result !== final.result)) this.#changed.add(id);
        this.#finals.set(id, final);
      });
    }
  }
}
