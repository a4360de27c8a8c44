/** People who look at a dashboard all the time: each opens one page after the other, as a browser asks for it, and some have streams open. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Timing } from "./history-answers.ts";
import { percentile } from "./statistics.ts";

/** Between two pages of one person, ms. */
const rest = 500;
/** A stream that was ended comes back, ms. */
const again = 2_000;
const longest = 30_000;
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

export interface Looked {
  readonly answers: readonly Timing[];
  readonly asked: number;
  /** Answers that were an error or did not come, by what they said. */
  readonly refused: Readonly<Record<string, number>>;
  readonly streams: { readonly events: number; readonly bytes: number; readonly begun: number };
}

interface Listed {
  readonly items?: readonly { readonly id?: string; readonly root?: string; readonly name?: string }[];
  readonly next?: string;
}

type Query = Readonly<Record<string, string | number | readonly string[]>>;

export class Visitors {
  readonly #url: string;
  readonly #ending = new AbortController();
  readonly #spent = new Map<string, number[]>();
  readonly #refused = new Map<string, number>();
  readonly #all: Promise<unknown>;
  #events = 0;
  #bytes = 0;
  #begun = 0;

  /** `from`: of what is kept, unix ms. One of the streams is never read. */
  constructor(url: string, { people, streams, from }: { people: number; streams: number; from: number }) {
    this.#url = url;
    const { signal } = this.#ending;
    const topics = [
      ["overview", "tasks"],
      ["overview", "queues"],
      ["overview", "workers"],
      ["overview", "tasks", "queues", "workers"],
    ];
    this.#all = Promise.all([
      ...Array.from({ length: people }, (_, index) => this.#person(index, from, signal)),
      ...Array.from({ length: streams }, (_, index) => this.#listen(topics[index % 4] ?? [], index !== 3, signal)),
    ]);
  }

  async leave(): Promise<Looked> {
    this.#ending.abort();
    await this.#all;
    const answers = [...this.#spent].map(([name, times]) => ({
      name,
      p50: percentile(times, 0.5),
      worst: Math.max(...times),
    }));
    return {
      answers: answers.toSorted((one, other) => other.worst - one.worst),
      asked: [...this.#spent.values()].reduce((sum, times) => sum + times.length, 0),
      refused: Object.fromEntries(this.#refused),
      streams: { events: this.#events, bytes: this.#bytes, begun: this.#begun },
    };
  }

  async #person(index: number, from: number, signal: AbortSignal): Promise<void> {
    const pages = [...this.#pages(from)];
    for (let turn = index * 3; !signal.aborted; turn++) {
      await pages[turn % pages.length]?.();
      await sleep(rest, undefined, { signal }).catch(() => {});
    }
  }

  /** What each place of the web app asks. Every second time around it is a moment in the past. */
  #pages(from: number): readonly (() => Promise<void>)[] {
    let place = 0;
    const moment = (): number => {
      const [first, now] = [from + hour / 2, Date.now() - minute];
      // Evenly spread, and in no order.
      place = (place + 0.618) % 1;
      return Math.floor(first + Math.max(0, now - first) * place);
    };
    const overview = (length: number, name: string, at?: () => number) => async (): Promise<void> => {
      const then = at?.();
      const until = then ?? Date.now();
      await this.#ask(`overview, ${name}`, "overview", {
        from: until - length,
        until,
        ...(then !== undefined && { at: then }),
      });
    };
    const tasks = (name: string, query: Query, at?: () => number) => async (): Promise<void> => {
      const then = at === undefined ? {} : { at: at() };
      const { state: _, ...whatever } = query;
      const [list] = await Promise.all([
        this.#ask(`tasks, ${name}`, "tasks", { limit: 200, ...then, ...query }),
        this.#ask(`counts, ${name}`, "tasks/counts", { ...then, ...whatever }),
      ]);
      const { items = [], next } = (list ?? {}) as Listed;
      if (next !== undefined)
        await this.#ask(`tasks, ${name}`, "tasks", { limit: 200, ...then, ...query, after: next });
      const id = items[items.length >> 1]?.id;
      if (id === undefined) return;
      await this.#ask("one task", `tasks/${id}`, then);
      await this.#ask("its log", `tasks/${id}/log`, then);
    };
    const workflows = (at?: () => number) => async (): Promise<void> => {
      const then = at === undefined ? {} : { at: at() };
      const { items = [] } = ((await this.#ask("workflows", "workflows", then)) ?? {}) as Listed;
      const root = items[0]?.root;
      if (root !== undefined) await this.#ask("one workflow", `workflows/${root}`, then);
    };
    const workers = (at?: () => number) => async (): Promise<void> => {
      const then = at === undefined ? {} : { at: at() };
      const { items = [] } = ((await this.#ask("workers", "workers", then)) ?? {}) as Listed;
      const name = items[0]?.name;
      // One that is made up is asked now as well and says nothing, which takes 0.8 s by itself.
      if (name !== undefined && at !== undefined) await this.#ask("one worker", `workers/${name}`, then);
    };
    const plain = (name: string, at?: () => number) => async (): Promise<void> =>
      void (await this.#ask(name, name, at === undefined ? {} : { at: at() }));
    return [
      plain("session"),
      overview(5 * minute, "5 min"),
      tasks("all", {}),
      overview(hour, "1 h"),
      tasks("failed", { state: ["failed", "dead"] }),
      plain("queues"),
      workers(),
      tasks("all, then", {}, moment),
      overview(day, "24 h"),
      tasks("a text in many", { text: "example.org" }),
      workflows(),
      overview(hour, "1 h, then", moment),
      tasks("of a name, a queue, a worker", { task: "bench.task7", queue: "reports", worker: "w7@bench" }),
      plain("queues", moment),
      plain("names"),
      tasks("a text in few", { text: "customer-77" }),
      workers(moment),
      overview(7 * day, "7 d"),
      tasks("failed, then", { state: ["failed", "running"] }, moment),
      workflows(moment),
      tasks("a text in none", { text: "nowhere to be found" }),
      plain("schedules"),
      plain("dead"),
      tasks("a text, then", { text: "example.org" }, moment),
    ];
  }

  async #ask(name: string, path: string, query: Query): Promise<unknown> {
    const params = new URLSearchParams(
      Object.entries(query).flatMap(([key, value]): [string, string][] =>
        (Array.isArray(value) ? (value as readonly string[]) : [value]).map((one) => [key, String(one)]),
      ),
    );
    const start = performance.now();
    try {
      const answer = await fetch(new URL(`api/${path}?${params.toString()}`, this.#url), {
        headers: { accept: "application/json" },
        signal: AbortSignal.any([this.#ending.signal, AbortSignal.timeout(longest)]),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${String(answer.status)} ${text.slice(0, 100)}`);
      const times = this.#spent.get(name) ?? [];
      times.push(performance.now() - start);
      this.#spent.set(name, times);
      return JSON.parse(text) as unknown;
    } catch (error) {
      if (this.#ending.signal.aborted) return undefined;
      const why = `${name}: ${error instanceof Error ? error.message : String(error)}`;
      this.#refused.set(why, (this.#refused.get(why) ?? 0) + 1);
      return undefined;
    }
  }

  async #listen(topics: readonly string[], reads: boolean, signal: AbortSignal): Promise<void> {
    const query = new URLSearchParams(topics.map((topic): [string, string] => ["topics", topic]));
    while (!signal.aborted) {
      this.#begun++;
      await this.#hear(new URL(`api/stream?${query.toString()}`, this.#url), reads, signal).catch(() => {});
      await sleep(again, undefined, { signal }).catch(() => {});
    }
  }

  async #hear(url: URL, reads: boolean, signal: AbortSignal): Promise<void> {
    const answer = await fetch(url, { headers: { accept: "text/event-stream" }, signal });
    if (!answer.ok || answer.body === null) return;
    if (!reads) {
      await sleep(hour, undefined, { signal });
      return;
    }
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      this.#bytes += chunk.byteLength;
      this.#events +=
        Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1").split("\ndata: ").length - 1;
    }
  }
}
