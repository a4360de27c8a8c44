/**
 * The fixed scenario: a plain task, one that is retried, one with checkpoints, one with a callback, and a chord of three members, of which
 * one is a chain, sent and run in one process. Run as a program it strikes the n-th call; run again without a strike it is the restart.
 *
 *   node scenario.ts PLACE JOURNAL MODE N
 */

import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { App, AppOptions, AsyncResult, Task } from "../../src/index.ts";
import { Countdown, faulty, type Mode } from "./faulty-backend.ts";

/** What an injected error leaves leased is waited for. */
const struckLease = 2_500;
/** Of the restart, which dies no more: what it holds while the machine stands still must not be begun a second time. */
const lease = 60_000;
const sweep = 100;

const drivers = /\/driver\/(?:sqlite|redis|rabbitmq|memory)\/index\.ts$/;
const slot = Symbol.for("celeriac.test.countdown");

/** From now on every driver that is loaded is a faulty one. */
function plantFaults(countdown: Countdown): void {
  (globalThis as Record<symbol, unknown>)[slot] = { countdown, faulty };
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      return drivers.test(found.url) && !found.url.includes("?") ? { ...found, url: `${found.url}?faulty` } : found;
    },
    load(url, context, next) {
      if (!url.endsWith("?faulty")) return next(url, context);
      const real = url.replace("?faulty", "?real");
      const source = `import { open as real } from ${JSON.stringify(real)};
        const { countdown, faulty } = globalThis[Symbol.for("celeriac.test.countdown")];
        export const open = faulty(real, countdown);`;
      return { format: "module", source, shortCircuit: true };
    },
  });
}

interface Tasks {
  readonly plain: Task<{ n: number }, number>;
  readonly flaky: Task<{ n: number }, number>;
  readonly steps: Task<{ n: number }, string>;
  readonly first: Task<{ n: number }, { value: number }>;
  readonly next: Task<{ value: number; n: number }, number>;
  readonly member: Task<number, number>;
  readonly total: Task<readonly number[], number>;
}

function declare(app: App, ran: (name: string) => void): Tasks {
  return {
    plain: app.task("n.plain", ({ n }: { n: number }, ctx) => (ran(ctx.id), n)),
    flaky: app.task("n.flaky", { retry: { limit: 3, delay: "5ms" } }, ({ n }: { n: number }, ctx) => {
      ran(ctx.id);
      if (ctx.attempt === 1) throw new Error("once");
      return n;
    }),
    steps: app.task("n.steps", async (_: { n: number }, ctx) => {
      ran(ctx.id);
      const a = await ctx.checkpoint("a", () => (ran(`${ctx.id}/a`), "a"));
      const b = await ctx.checkpoint("b", () => (ran(`${ctx.id}/b`), "b"));
      return a + b;
    }),
    first: app.task("n.first", ({ n }: { n: number }, ctx) => (ran(ctx.id), { value: n })),
    next: app.task("n.next", ({ value, n }: { value: number; n: number }, ctx) => (ran(ctx.id), value + n)),
    member: app.task("n.member", (n: number, ctx) => (ran(ctx.id), n + 1)),
    total: app.task("n.total", (all: readonly number[], ctx) => (ran(ctx.id), all.reduce((sum, n) => sum + n, 0))),
  };
}

export const expected: Readonly<Record<string, unknown>> = {
  plain: 1,
  flaky: 2,
  steps: "ab",
  first: { value: 3 },
  next: 7,
  joined: 10,
};

/** Rounds run side by side on one Redis, whose channels span its databases: ids must differ between rounds. */
export function tagOf(place: string): string {
  return (place.split("/").at(-1) ?? "").replaceAll(/[^\w]/g, "-");
}

/** A broker's URL, or two: messages and results, with a blank between them. Rounds on one RabbitMQ have a queue each. */
export function optionsOf(place: string): Pick<AppOptions, "broker" | "results" | "defaultQueue"> {
  const [broker = "", results] = place.split(" ");
  return {
    broker,
    ...(results !== undefined && { results }),
    ...(broker.startsWith("amqp:") && { defaultQueue: queueOf(place) }),
  };
}

export function queueOf(place: string): string {
  return `nth-${tagOf(place)}`;
}

/** Sends what is not known to be accepted, runs everything, and resolves when all results are there. */
export async function play(
  place: string,
  note: (line: string) => void,
  accepted: ReadonlySet<string>,
  struck = false,
  done: (app: App) => Promise<void> = drained,
): Promise<void> {
  const { chain, chord, createApp } = await import("../../src/index.ts");
  const app = createApp({ name: "nth", ...optionsOf(place), publishTimeout: "10s" });
  const tag = tagOf(place);
  const { plain, flaky, steps, first, next, member, total } = declare(app, (name) =>
    note(`ran ${name.replace(`@${tag}`, "")}`),
  );
  const sends: Record<string, () => Promise<AsyncResult<unknown>>> = {
    plain: () => plain.enqueue({ n: 1 }, { id: `plain@${tag}` }),
    flaky: () => flaky.enqueue({ n: 2 }, { id: `flaky@${tag}` }),
    steps: () => steps.enqueue({ n: 0 }, { id: `steps@${tag}` }),
    first: () => first.enqueue({ n: 3 }, { id: `first@${tag}`, link: next.s({ n: 4 }).set({ id: `next@${tag}` }) }),
    joined: () =>
      app.enqueue(chord([member.si(1), member.si(2), chain(member.si(3), member.s())], total.s()), {
        id: `joined@${tag}`,
      }),
  };
  try {
    for (const [id, send] of Object.entries(sends)) {
      if (accepted.has(id)) continue;
      // An error means "unknown": the same id again is what the guarantee says to do.
      await send().catch(send);
      note(`accepted ${id}`);
    }
    const options = {
      pool: "inline",
      concurrency: 2,
      lease: struck ? struckLease : lease,
      sweep,
      grace: "200ms",
    } as const;
    await app.work(options).catch(() => app.work(options));
    await Promise.all(
      Object.entries(expected).map(async ([id, value]) => {
        const got = await app.result(`${id}@${tag}`).get({ timeout: "60s" });
        if (JSON.stringify(got) !== JSON.stringify(value)) throw new Error(`${id} is ${JSON.stringify(got)}`);
      }),
    );
    await done(app);
  } finally {
    await app.close();
  }
}

/** A result that lies elsewhere is there before its message is gone; and a message that comes again is looked at after a moment. */
async function drained(app: App): Promise<void> {
  for (let looks = 0; looks < 1_200; looks++) {
    const queues = await app.queues.list();
    if (queues.every(({ ready, leased }) => (leased ?? 0) === 0 && ready.every(({ count }) => count === 0))) return;
    await sleep(50);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [place = "", journal = "", mode = "count", n = "0"] = process.argv.slice(2);
  const countdown = new Countdown(mode as Mode, Number(n));
  plantFaults(countdown);
  await play(place, (line) => appendFileSync(journal, `${line}\n`), new Set(), true);
  appendFileSync(journal, `calls ${String(countdown.calls)}\n`);
}
