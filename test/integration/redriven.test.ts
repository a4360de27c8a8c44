/** Dead letters of steps and members that are redriven when what waited for them has failed. */

import { afterEach, describe, expect, it } from "vitest";
import { type App, type AsyncResult, chain, chord, createApp } from "../../src/index.ts";

const soon = { timeout: "60s" } as const;
let made = 0;
let app: App | undefined;
afterEach(() => app?.close());

/** Ids of what ran, and a workflow of each kind whose first task is a dead letter. */
async function stage(results?: string): Promise<{
  readonly ran: readonly string[];
  readonly step: AsyncResult<number>;
  readonly joined: AsyncResult<number>;
  readonly redrive: () => Promise<void>;
}> {
  const own = createApp({ broker: `memory:redriven-${String(++made)}`, ...(results !== undefined && { results }) });
  app = own;
  let broken = true;
  const ran: string[] = [];
  const first = own.task("r.first", (n: number, ctx) => (broken ? ctx.reject({ reason: "broken" }) : n));
  const next = own.task("r.next", (n: number, ctx) => {
    ran.push(ctx.id);
    return n + 1;
  });
  const all = own.task("r.all", (list: readonly number[], ctx) => {
    ran.push(ctx.id);
    return list.length;
  });
  await own.work({ pool: "inline", sweep: "100ms" });
  const step = await own.delay(chain(first.si(1), next.s()));
  const joined = await own.delay(chord([first.si(1)], all.s()));
  await expect(step.get(soon)).rejects.toThrow("broken");
  await expect(joined.get(soon)).rejects.toThrow("ChordError");
  const letters = async () => (await own.dead.list({}, undefined, 10)).items;
  await expect.poll(async () => (await letters()).length).toBe(2);
  const redrive = async (): Promise<void> => {
    broken = false;
    await own.dead.redrive((await letters()).map(({ key }) => key));
    expect(await step.parent?.get(soon)).toBe(1);
    expect(await joined.parent?.get(soon)).toEqual([1]);
  };
  return { ran, step, joined, redrive };
}

describe("a dead letter that is redriven", () => {
  it("goes on with its chain, and leaves its chord ended", async () => {
    const { ran, step, joined, redrive } = await stage();
    await redrive();
    await expect.poll(() => ran).toEqual([step.id]);
    expect(await step.get(soon)).toBe(2);
    expect(await joined.state()).toBe("FAILURE");
  });

  it("leaves what waited for it failed where results lie on another server", async () => {
    const { ran, step, joined, redrive } = await stage(`memory:redriven-results-${String(made)}`);
    await redrive();
    await expect.poll(async () => (await app?.queues.list())?.map(({ leased }) => leased)).toEqual([0]);
    expect([await step.state(), await joined.state(), ran]).toEqual(["FAILURE", "FAILURE", []]);
  });
});
