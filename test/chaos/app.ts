/** The app under test: tasks that write down each start and end in the journal, and misbehave as their kind says. */

import { chord, createApp, type App } from "../../src/index.ts";
import { Journal } from "./journal.ts";
import { trueTime } from "./true-time.ts";
import { endlessLimit, type Kind, partsOf } from "./workload.ts";

const path = process.env["CHAOS_JOURNAL"];
const journal: Journal | undefined = path === undefined ? undefined : new Journal(path);

export const app: App = createApp({
  name: "chaos",
  broker: process.env["CHAOS_BROKER"] ?? "memory:",
  ...(process.env["CHAOS_RESULTS"] && { results: process.env["CHAOS_RESULTS"] }),
  publishTimeout: "3s",
});

interface Input {
  readonly kind: Kind;
  readonly size: number;
  readonly lease: number;
  readonly padding?: string;
}

/** Who committed: each run returns another value, so that a result that changed is seen. */
interface Output {
  readonly by: number;
  readonly fence: number;
  readonly token: string;
  readonly padding?: string;
}

interface Context {
  readonly id: string;
  readonly attempt: number;
  readonly fence: number;
  readonly signal: AbortSignal;
}

async function journaled(kind: string, ctx: Context, body: () => Promise<void>): Promise<Output> {
  const line = { id: ctx.id, kind, attempt: ctx.attempt, fence: ctx.fence, pid: process.pid, worker: process.ppid };
  journal?.add({ k: "start", t: trueTime(), ...line });
  await body();
  journal?.add({ k: "end", t: trueTime(), ...line });
  return { by: process.pid, fence: ctx.fence, token: Math.random().toString(36).slice(2) };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new Error("told to stop"));
    });
  });
}

export const work = app.task(
  "chaos.work",
  { retry: { limit: 5, delay: "50ms" }, crashes: 3 },
  async (input: Input, ctx): Promise<Output> => {
    const output = await journaled(input.kind, ctx, async () => {
      switch (input.kind) {
        case "ok":
        case "linked":
        case "big":
        case "later":
        case "herd":
          return pause(1 + input.size * 29, ctx.signal);
        case "flaky":
          if (ctx.attempt <= 1 + Math.floor(input.size * 3)) throw new Error("flaky on purpose");
          return pause(5, ctx.signal);
        case "slow":
          return pause(input.lease * (1 + input.size), ctx.signal);
        case "spin": {
          const end = performance.now() + 30 + input.size * 270;
          while (performance.now() < end);
          return;
        }
        case "steps":
          for (const step of ["a", "b", "c"]) {
            await ctx.checkpoint(step, async () => {
              await pause(30 + input.size * 300, ctx.signal);
              journal?.add({ k: "step", t: trueTime(), id: ctx.id, step, fence: ctx.fence });
              return step;
            });
          }
          return;
        case "poison":
          process.kill(process.pid, "SIGKILL");
          return pause(60_000, ctx.signal);
        case "exit":
          return process.exit(3);
        default:
          throw new Error(`${input.kind} is a workflow`);
      }
    });
    return input.padding === undefined ? output : { ...output, padding: input.padding };
  },
);

/** Never gives its process back. */
export const endless = app.task(
  "chaos.endless",
  { timeLimit: endlessLimit, crashes: 3 },
  async (_: { readonly size: number }, ctx): Promise<Output> =>
    journaled("endless", ctx, async () => {
      for (;;);
    }),
);

interface PartInput {
  readonly size: number;
  readonly fails?: boolean;
}

/** A step, or a member. */
export const part = app.task("chaos.part", { crashes: 3 }, async ({ size, fails }: PartInput, ctx): Promise<Output> => {
  const output = await journaled("part", ctx, () => pause(1 + size * 100, ctx.signal));
  if (fails === true) throw new Error("failing on purpose");
  return output;
});

/** Whose results it was given is told by their tokens. */
export const body = app.task(
  "chaos.body",
  { crashes: 3 },
  async (members: readonly Output[], ctx): Promise<Output & { readonly of: readonly string[] }> => ({
    ...(await journaled("body", ctx, () => pause(1, ctx.signal))),
    of: members.map(({ token }) => token),
  }),
);

export const replaced = app.task("chaos.replaced", { crashes: 3 }, async ({ size }: PartInput, ctx) => {
  await journaled("replaced", { ...ctx, id: `${ctx.id}-replaced` }, () => pause(1, ctx.signal));
  return ctx.replace(
    chord(
      partsOf({ id: ctx.id, kind: "replaced" }).map((id) => part.si({ size }).set({ id })),
      body.s(),
    ),
  );
});

export const failed = app.task("chaos.failed", async (_: string, ctx): Promise<Output> =>
  journaled("failed", ctx, () => pause(1, ctx.signal)),
);

/** The callback of `linked`: gets its parent's output. */
export const after = app.task("chaos.after", async (parent: Output & { readonly of: string }, ctx): Promise<Output> => {
  return journaled("after", ctx, () => pause(1, ctx.signal).then(() => void parent));
});
