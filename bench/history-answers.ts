/** What the pages of a dashboard ask its API, timed: for now, and for a moment in the middle of what is kept. Each answer is read to its end. */

import { performance } from "node:perf_hooks";
import { percentile } from "./statistics.ts";

export interface Timing {
  readonly name: string;
  /** Milliseconds. */
  readonly p50: number;
  readonly worst: number;
}

/** Of each question; the first finds nothing warm. */
const repeats = 7;
const hour = 3_600_000;

interface Listed {
  readonly items: readonly { readonly id?: string; readonly root?: string }[];
  readonly next?: string;
}

/** `from`, `until`: of the events that are kept, unix ms. */
export async function timeAnswers(url: string, from: number, until: number): Promise<readonly Timing[]> {
  const found: Timing[] = [];
  const ask = async (path: string, query: Readonly<Record<string, string | number>> = {}): Promise<unknown> => {
    const params = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const answer = await fetch(new URL(`api/${path}?${params.toString()}`, url), {
      headers: { accept: "application/json" },
    });
    const body: unknown = await answer.json();
    if (!answer.ok) throw new Error(`${path}?${params.toString()} was answered with ${JSON.stringify(body)}`);
    return body;
  };
  const time = async (name: string, run: (turn: number) => Promise<unknown>, times = repeats): Promise<void> => {
    const spent: number[] = [];
    for (let turn = 0; turn < times; turn++) {
      const start = performance.now();
      await run(turn);
      spent.push(performance.now() - start);
    }
    found.push({ name, p50: percentile(spent, 0.5), worst: Math.max(...spent) });
  };
  // Nothing is shown before it.
  await time("session", () => ask("session"));
  for (const [when, at] of [
    ["now", undefined],
    ["then", Math.floor((from + until) / 2)],
  ] as const) {
    const then = at === undefined ? {} : { at };
    const end = at ?? until;
    const one = (name: string, path: string, query: Readonly<Record<string, string | number>> = {}): Promise<void> =>
      time(`${when}: ${name}`, () => ask(path, { ...then, ...query }));
    const tasks = (name: string, query: Readonly<Record<string, string | number>>): Promise<void> =>
      one(name, "tasks", { limit: 200, ...query });
    await tasks("tasks, 200 newest", {});
    await tasks("tasks, 200 oldest", { order: "oldest" });
    await tasks("tasks running", { state: "running" });
    await tasks("tasks failed", { state: "failed" });
    await tasks("tasks failed of one name", { state: "failed", task: "bench.task7" });
    await tasks("tasks of one worker and queue", { worker: "w1@bench", queue: "media" });
    await tasks("tasks of half an hour", { from: end - hour, until: end - hour / 2 });
    await tasks("text that is in many", { text: "example.org" });
    await tasks("text that is in none", { text: "nowhere to be found" });
    await one("counts", "tasks/counts");
    await one("counts of one name", "tasks/counts", { task: "bench.task7" });
    for (const [name, length] of [
      ["5 min", hour / 12],
      ["1 h", hour],
      ["24 h", 24 * hour],
      ["7 d", 168 * hour],
    ] as const)
      await one(`overview, ${name}`, "overview", { from: end - length, until: end });
    await one("figures of one task, 1 h", "series", { from: end - hour, until: end, task: "bench.task7" });
    await one("queues", "queues");
    await one("workers", "workers");
    const failed = (await ask("tasks", { ...then, state: "failed", limit: 1 })) as Listed;
    const id = failed.items[0]?.id;
    if (id === undefined) throw new Error(`${when}: no task has failed, so nothing is there to be measured`);
    await one("one task", `tasks/${id}`);
    await one("workflows", "workflows");
    const flows = (await ask("workflows", { ...then, limit: 1 })) as Listed;
    const root = flows.items[0]?.root;
    if (root !== undefined) await one("one workflow", `workflows/${root}`);
  }
  let after: string | undefined;
  const next = async (): Promise<void> => {
    const page = (await ask("tasks", { limit: 200, ...(after !== undefined && { after }) })) as Listed;
    after = page.next;
  };
  await time("now: a further page of 200, 50 in a row", next, 50);
  await time("names", () => ask("names"));
  return found;
}
