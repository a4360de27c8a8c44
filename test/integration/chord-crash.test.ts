/** Chords whose sender, members or last worker die: each ends, and its body runs once, or its error callback does. */

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type AnySignature, type App, type AsyncResult, chain, chord, createApp } from "../../src/index.ts";
import { describeOnServers, patience, type Rig } from "./rig/rig.ts";

interface By {
  readonly pid: number;
  readonly fence: number;
}
const soon = { timeout: "60s" } as const;
/** A queue that only survivors take from: a body that the worker began that dies would rightly be run again. */
const bodies = "bodies";

/** Runs a program of the rig, which is killed at the moment that it is made for. */
async function killed(rig: Rig, program: string, ...args: readonly string[]): Promise<void> {
  const path = fileURLToPath(new URL(`./rig/${program}`, import.meta.url));
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", path, ...args], {
    env: { ...process.env, ...rig.places },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  expect(signal).toBe("SIGKILL");
}

function bodyOf(rig: Rig, id: string): AnySignature {
  return rig.client.signature("gather", { folder: rig.folder }).set({ id });
}

async function start(rig: Rig, members: readonly AnySignature[], body: AnySignature): Promise<AsyncResult<unknown>> {
  return rig.client.delay(chord(members as never, body as never) as never);
}

/** How often it began. */
const runs = (rig: Rig, id: string): number => rig.entries({ id, k: "start" }).length;

/**
 * A worker in this process, and what ran in it of bodies and error callbacks. Its lease is long, for what it held when this process stood
 * still for longer would rightly be run again; the lease of the dead is its own, and soon found with this sweep.
 */
async function survivor(rig: Rig): Promise<{ readonly began: readonly string[]; readonly app: App }> {
  const { RIG_BROKER: broker, RIG_RESULTS: results } = rig.places;
  const app = createApp({ name: "survivor", broker, ...(results !== "" && { results }) });
  const began: string[] = [];
  app.task("pair", { positional: ["x", "y"] }, ({ x, y }: { x: number; y: number }) => x + y);
  app.task("gather", { raw: true }, ({ args }, ctx) => {
    began.push(ctx.id);
    return args[0] ?? null;
  });
  await app.work({
    pool: "inline",
    concurrency: 20,
    lease: "60s",
    sweep: "200ms",
    grace: "1s",
    queues: ["celery", bodies],
  });
  return { began, app };
}

describeOnServers("a chord", (open) => {
  test("fails, and tells its error callback once, when its sender dies in the midst of 1 000 members", async () => {
    await using rig = await open();
    const [body, errback] = [randomUUID(), randomUUID()];
    await killed(rig, "dying-sender.ts", rig.folder, body, errback, "1000", "500");
    const { began, app } = await survivor(rig);
    await using _closed = { [Symbol.asyncDispose]: () => app.close() };
    await expect(app.result(body).get(soon)).rejects.toThrow(/The sender of chord .* was lost before/);
    expect(await app.result(errback).get(soon)).toBe(body);
    await rig.drained();
    expect(began).toEqual([errback]);
  });

  test.each(["before the body", "before it is closed"])(
    "has its body run once by others when the worker of its last member dies %s",
    async (when) => {
      await using rig = await open();
      const body = randomUUID();
      const members = [1, 2, 3].map((n) => rig.client.signature("pair", n, 10));
      const sent = await start(rig, members, bodyOf(rig, body).set({ queue: bodies }));
      await killed(rig, "dying-worker.ts", body, when);
      const [one, two] = await Promise.all([survivor(rig), survivor(rig)]);
      await using _closed = {
        [Symbol.asyncDispose]: async () => void (await Promise.all([one.app.close(), two.app.close()])),
      };
      expect(await sent.get(soon)).toEqual([11, 12, 13]);
      await rig.drained();
      expect(rig.entries({ k: "start" })).toEqual([]); // in the worker that died
      expect([...one.began, ...two.began]).toEqual([body]);
    },
  );

  test("fails with what it waits for in a chain, though the worker of the step that failed dies over it", async () => {
    await using rig = await open();
    const body = randomUUID();
    const steps = [rig.client.signature("no.number"), rig.client.signature("pair", 1), bodyOf(rig, body)];
    const sent: AsyncResult<unknown> = await rig.client.delay(chain(...(steps as never[])) as never);
    await killed(rig, "dying-worker.ts", body, "before what waits has failed");
    const { began, app } = await survivor(rig);
    await using _closed = { [Symbol.asyncDispose]: () => app.close() };
    await expect(sent.get(soon)).rejects.toThrow(/not a number/);
    await rig.drained();
    expect(began).toEqual([]);
  });

  test("counts a member once that a stopped worker ended too late, with what the other worker made of it", async () => {
    await using rig = await open();
    const body = randomUUID();
    const hold = (): AnySignature => rig.client.signature("hold", { folder: rig.folder });
    const first = await rig.mortal();
    const sent = await start(rig, [hold(), hold()], bodyOf(rig, body));
    await rig.entry({ k: "start" }, 2);
    const late = rig.entries({ k: "start" })[0];
    if (late === undefined) throw new Error("two began");

    // One of the two ends in a worker that stands still, and both are run again elsewhere.
    first.child.kill("SIGSTOP");
    rig.open(late);
    await rig.entry({ id: late.id, k: "end", fence: late.fence });
    // Two suspects at one time need four slots.
    const second = await rig.worker("--processes", "2", "-c", "4");
    const again = await rig.entry({ id: late.id, k: "start" }, 2);
    first.child.kill("SIGCONT");
    const told = (): boolean => first.lines.some(({ id, event }) => id === late.id && event !== "task.started");
    await expect.poll(told, { timeout: patience }).toBe(true);
    rig.open(again);
    await second.line("task.succeeded", ({ id }) => id === late.id);
    expect(runs(rig, body)).toBe(0);
    rig.open("all");
    const results = (await sent.get(soon)) as readonly By[];
    expect(results.map(({ fence }) => fence).filter((fence) => fence <= late.fence)).toEqual([]);
    expect(results.map(({ pid }) => pid)).toContain(again.pid);
    await rig.drained();
    expect(runs(rig, body)).toBe(1);
  });
});
