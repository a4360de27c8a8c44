/** Tasks that hold still, die, grow or go round for ever, and write down in a file that they began and how they ended. */

const day = 86_400_000;

import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TaskContext } from "../../../src/index.ts";
import { app } from "./app.ts";
import type { Entry } from "./rig.ts";

interface Scene {
  /** Folder of the journal and of the gates. */
  readonly folder: string;
}

function write(folder: string, entry: Omit<Entry, "pid">): void {
  appendFileSync(join(folder, "journal"), `${JSON.stringify({ ...entry, pid: process.pid })}\n`);
}

function begin(folder: string, ctx: TaskContext): void {
  write(folder, { k: "start", id: ctx.id, fence: ctx.fence, attempt: ctx.attempt });
}

/** Runs until the gate of its id and fence (one claim may bring several tasks with one fence), or the gate for all, is opened; or until it is told to stop. */
app.task("hold", async ({ folder, deaf }: Scene & { deaf?: boolean }, ctx) => {
  const { id, fence, attempt, signal } = ctx;
  begin(folder, ctx);
  while (!existsSync(join(folder, `gate-${id}-${String(fence)}`)) && !existsSync(join(folder, "gate-all"))) {
    if (signal.aborted && deaf !== true) {
      write(folder, { k: "abort", id, fence, attempt, code: (signal.reason as { code?: string }).code });
      throw signal.reason;
    }
    await sleep(10);
  }
  write(folder, { k: "end", id, fence, attempt });
  return { pid: process.pid, fence };
});

app.task("whoami", () => process.pid);

app.task("exit", { crashes: 2 }, ({ folder, code }: Scene & { code: number }, ctx) => {
  begin(folder, ctx);
  process.stderr.write("the last words\n");
  process.exit(code);
});

/** Takes the whole worker along that runs it inline or in a thread, as native code does: its thread turns no more once it has begun. */
app.task("die", { crashes: 2 }, ({ folder }: Scene, ctx) => {
  begin(folder, ctx);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  process.kill(process.pid, "SIGKILL");
});

// Time enough to write down that it began, also in a child that has to wait for its turn.
app.task("spin", { timeLimit: "3s" }, ({ folder }: Scene, ctx) => {
  begin(folder, ctx);
  for (;;);
});

/** Nothing but a signal ends it, and it would be tried again for any failure. */
app.task("loop", { retry: { limit: 3, delay: "10ms" } }, ({ folder }: Scene, ctx) => {
  begin(folder, ctx);
  for (;;);
});

app.task("hog.heap", { crashes: 1 }, ({ folder }: Scene, ctx) => {
  begin(folder, ctx);
  for (const hoard: string[][] = []; ;) hoard.push(Array.from({ length: 10_000 }, (_, n) => `${String(n)} things`));
});

app.task("hog.buffers", { crashes: 1 }, async ({ folder }: Scene, ctx) => {
  begin(folder, ctx);
  for (const hoard: Buffer[] = []; ; await sleep(5)) hoard.push(Buffer.alloc(16 * 1024 * 1024, 1));
});

const kept: Buffer[] = [];
/** Leaks what it is told to, and tells in which process. */
app.task("leak", ({ mebibytes }: { mebibytes: number }) => {
  kept.push(Buffer.alloc(mebibytes * 1024 * 1024, 1));
  return process.pid;
});

app.task("soft", { softTimeLimit: "150ms", timeLimit: "60s" }, async (_: { n: number }, ctx) => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const tell = (): void => resolve((ctx.signal.reason as { code: string }).code);
  if (ctx.signal.aborted) tell();
  ctx.signal.addEventListener("abort", tell);
  return promise;
});

/** A page is kept as soon as it is done; the journal says how often each was made. */
app.task("pages", { crashes: 3 }, async ({ folder, pages }: Scene & { pages: number }, ctx) => {
  const { id, fence, attempt } = ctx;
  begin(folder, ctx);
  let sum = 0;
  for (let page = 1; page <= pages; page++) {
    sum += await ctx.checkpoint(`page-${String(page)}`, async () => {
      write(folder, { k: "page", id, fence, attempt, page });
      await sleep(25);
      return page;
    });
  }
  return sum;
});

/** A day of pages: the time that passes is the site's and lies in the cursor, which each page hands to the next. */
app.task("scrape", { crashes: 100 }, async ({ folder, pages }: Scene & { pages: number }, ctx) => {
  const { id, fence, attempt } = ctx;
  begin(folder, ctx);
  let cursor = { next: 1, at: 0, rows: 0 };
  while (cursor.next <= pages) {
    const { next: page, at, rows } = cursor;
    cursor = await ctx.checkpoint(`page-${String(page)}`, async () => {
      write(folder, { k: "page", id, fence, attempt, page });
      await sleep(5);
      return { next: page + 1, at: at + day / pages, rows: rows + page };
    });
  }
  return cursor;
});

app.task("pair", { positional: ["left", "right"] }, ({ left, right }: { left: number; right: number }) => left + right);

/** The body of a chord, or an error callback: answers with what it is given first. The scene comes last. */
app.task("gather", { raw: true }, ({ args }, ctx) => {
  begin((args.at(-1) as Scene).folder, ctx);
  return args[0] ?? null;
});

app.task("no.number", (): number => {
  throw new RangeError("not a number");
});

app.task("big", ({ bytes }: { bytes: number }) => "x".repeat(bytes));

app.task("caused", (): number => {
  throw new Error("no receipt", { cause: new RangeError("no such order") });
});

/** Keeps the loop from its timers for longer than there is between two looks at it. */
app.task("block", () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
});
