import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { type MemoryInUse, SpareMemory } from "./spare-memory.ts";

const mb = 2 ** 20;

function stage(): {
  readonly clock: VirtualClock;
  readonly doing: { busy: number; taken: number };
  readonly memory: { -readonly [K in keyof MemoryInUse]: number };
  readonly released: number[];
  readonly spare: SpareMemory;
} {
  const clock = new VirtualClock();
  const doing = { busy: 0, taken: 0 };
  const memory = { rss: 100 * mb, heapUsed: 15 * mb };
  const released: number[] = [];
  const spare = new SpareMemory(
    clock,
    () => doing,
    () => memory,
    () => {
      released.push(clock.monotonic());
      memory.rss = 110 * mb;
    },
  );
  return { clock, doing, memory, released, spare };
}

it("gives back what the start has left, once it has rested, and nothing while it works", async () => {
  const { clock, doing, memory, released } = stage();
  await clock.advance(60_000);
  expect(released.splice(0)).toHaveLength(1);
  memory.rss = 300 * mb;
  await clock.advance(60_000);
  doing.taken = 5;
  doing.busy = 1;
  await clock.advance(60_000);
  for (let look = 0; look < 20; look += 1) {
    doing.taken += 1;
    await clock.advance(4_000);
  }
  expect(released).toEqual([]);
});

it("gives back once, when it has rested, and again after it has grown again", async () => {
  const { clock, doing, memory, released, spare } = stage();
  doing.taken = 1_000_000;
  memory.rss = 300 * mb;
  await clock.advance(60_000);
  expect(released).toHaveLength(1);
  doing.taken += 1;
  memory.rss = 131 * mb;
  await clock.advance(60_000);
  expect(released, "a fifth more than what was left").toHaveLength(1);
  doing.taken += 1;
  memory.rss = 133 * mb;
  await clock.advance(60_000);
  expect(released).toHaveLength(2);
  doing.taken += 1;
  memory.rss = 300 * mb;
  spare[Symbol.dispose]();
  await clock.advance(60_000);
  expect(released).toHaveLength(2);
});

it("gives back once a minute where nobody says what is done", async () => {
  const memory = { rss: 100 * mb, heapUsed: 15 * mb };
  const clock = new VirtualClock();
  let released = 0;
  using _spare = new SpareMemory(
    clock,
    undefined,
    () => memory,
    () => {
      released += 1;
      memory.rss = 110 * mb;
    },
  );
  memory.rss = 300 * mb;
  await clock.advance(59_000);
  expect(released).toBe(0);
  await clock.advance(2_000);
  expect(released).toBe(1);
  await clock.advance(600_000);
  expect(released).toBe(1);
  memory.rss = 300 * mb;
  await clock.advance(60_000);
  expect(released).toBe(2);
});

it("leaves a large heap alone, for it would stand still for long", async () => {
  const { clock, doing, memory, released } = stage();
  doing.taken = 1;
  Object.assign(memory, { rss: 1_000 * mb, heapUsed: 500 * mb });
  await clock.advance(60_000);
  expect(released).toEqual([]);
});

it(
  "has V8 give back a young generation that has grown, and leaves no way to its collector",
  { timeout: 60_000 },
  async () => {
    const code = `
    import { releaser } from ${JSON.stringify(new URL("spare-memory.ts", import.meta.url).href)};
    import { runInNewContext } from "node:vm";
    let some = [];
    for (let n = 0; n < 4_000_000; n++) { some.push({ n, text: "x" + n }); if (some.length === 100_000) some = some.slice(50_000); }
    some = [];
    const release = releaser();
    const before = process.memoryUsage().rss;
    release();
    console.log(JSON.stringify({ less: before - process.memoryUsage().rss, type: runInNewContext("typeof gc") }));`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--no-warnings",
      "--input-type=module",
      "-e",
      code,
    ]);
    const { less, type } = JSON.parse(stdout) as { readonly less: number; readonly type: string };
    expect(less).toBeGreaterThan(30 * mb);
    expect(type).toBe("undefined");
  },
);
