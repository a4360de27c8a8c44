/** The app under test: tasks that write down each start and end in the journal, and misbehave as their kind says. */

import { createApp, type App } from "../../src/index.ts";
import { Journal } from "./journal.ts";
import type { Kind } from "./workload.ts";

const path = process.env["CHAOS_JOURNAL"];
const journal: Journal | undefined = path === undefined ? undefined : new Journal(path);

export const app: App = createApp({
  name: "chaos",
  broker: process.env["CHAOS_BROKER"] ?? "memory:",
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
  const line = { id: ctx.id, kind, attempt: ctx.attempt, fence: ctx.fence, pid: process.pid };
  journal?.add({ k: "start", t: Date.now(), ...line });
  await body();
  journal?.add({ k: "end", t: Date.now(), ...line });
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
              journal?.add({ k: "step", t: Date.now(), id: ctx.id, step, fence: ctx.fence });
              return step;
            });
          }
          return;
        case "poison":
          process.kill(process.pid, "SIGKILL");
          return pause(60_000, ctx.signal);
        case "exit":
          return process.exit(3);
      }
    });
    return input.padding === undefined ? output : { ...output, padding: input.padding };
  },
);

/** The callback of `linked`: gets its parent's output. */
export const after = app.task("chaos.after", async (parent: Output & { readonly of: string }, ctx): Promise<Output> => {
  return journaled("after", ctx, () => pause(1, ctx.signal).then(() => void parent));
});
