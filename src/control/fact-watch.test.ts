import { afterEach, expect, test } from "vitest";
import { open } from "../driver/memory/index.ts";
import type { ControlFact, ControlState } from "../port/control-state.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { FactWatch } from "./fact-watch.ts";

const clock = new VirtualClock();
let count = 0;
let watch: FactWatch | undefined;
const never = new AbortController().signal;
const fact = (key: string, value: string | null = "{}", kind = "revoked"): ControlFact => ({ kind, key, value });

interface Heard {
  readonly facts: readonly string[];
  readonly complete: boolean;
}

/** A state that can be made to fail, and what a listener hears of it. */
async function stage(): Promise<{
  control: ControlState;
  away: (is: boolean) => void;
  heard: Heard[];
  failed: unknown[];
}> {
  const backend = open({
    url: new URL(`memory:fact-watch-${String(++count)}`),
    clock,
    maxMessageBytes: 1_000_000,
    maxDepth: 0,
    commandTimeout: 5_000,
    allowEviction: false,
    keyPrefix: "",
  });
  await backend.open(never);
  const { control } = backend;
  if (control === undefined) throw new Error("no control state");
  let gone = false;
  const faulty: ControlState = {
    changes: (since) => (gone ? Promise.reject(new Error("away")) : control.changes(since)),
    set: (facts) => control.set(facts),
    replace: (one, value) => control.replace(one, value),
  };
  const heard: Heard[] = [];
  const failed: unknown[] = [];
  watch = new FactWatch({ clock, control: faulty, failed: (error) => failed.push(error) });
  watch.listen("revoked", (facts, complete) => {
    heard.push({ facts: facts.map(({ key, value }) => `${key}:${value ?? "gone"}`), complete });
  });
  return { control: faulty, away: (is) => (gone = is), heard, failed };
}
afterEach(async () => {
  await watch?.stop();
});

test("knows everything when it is ready, and what changes within a second", async () => {
  const { control, heard } = await stage();
  await control.set([fact("a"), fact("x", "{}", "schedule")]);
  await watch?.start(never);
  expect(heard).toEqual([{ facts: ["a:{}"], complete: true }]);
  await control.set([fact("b")]);
  await control.set([fact("a", null)]);
  await clock.advance(1000);
  expect(heard.slice(1)).toEqual([{ facts: ["b:{}", "a:gone"], complete: false }]);
  await control.set([fact("y", "{}", "schedule")]);
  await clock.advance(3000);
  expect(heard).toHaveLength(2);
});

test("looks at once when it is told to", async () => {
  const { control, heard } = await stage();
  await control.set([fact("a")]);
  await watch?.start(never);
  await control.set([fact("b")]);
  watch?.poke();
  await clock.advance(1);
  expect(heard.at(-1)).toEqual({ facts: ["b:{}"], complete: false });
  await control.set([fact("c")]);
  expect(await watch?.refresh()).toBe(true);
  expect(heard.at(-1)).toEqual({ facts: ["c:{}"], complete: false });
});

test("is not ready before it has read, says once that it cannot, and goes on when it can", async () => {
  const { control, away, heard, failed } = await stage();
  await control.set([fact("a")]);
  away(true);
  const ready = watch?.start(never);
  await clock.advance(2000);
  expect([heard, failed.length]).toEqual([[], 1]);
  away(false);
  await clock.advance(500);
  await ready;
  expect(heard).toEqual([{ facts: ["a:{}"], complete: true }]);
  away(true);
  await control.set([fact("b")]);
  await clock.advance(3000);
  expect(failed).toHaveLength(2);
  away(false);
  await clock.advance(1000);
  expect(heard.at(-1)).toEqual({ facts: ["b:{}"], complete: false });
});

/** A state whose consumer tells its version, and how often it was asked. */
async function followed(busy: () => boolean): Promise<{
  control: ControlState;
  heard: Heard[];
  asked: () => number;
  tell: (version: number) => Promise<unknown> | undefined;
  followers: () => number;
}> {
  const { control, heard } = await stage();
  let asked = 0;
  const takers = new Set<(version: number) => Promise<unknown> | undefined>();
  const telling: ControlState = {
    ...control,
    changes(since) {
      asked++;
      return control.changes(since);
    },
    follow(take) {
      takers.add(take);
      return () => void takers.delete(take);
    },
  };
  watch = new FactWatch({ clock, control: telling, busy, failed: () => {} });
  watch.listen("revoked", (facts, complete) => {
    heard.push({ facts: facts.map(({ key }) => key), complete });
  });
  await watch.start(never);
  const tell = (version: number): Promise<unknown> | undefined => [...takers][0]?.(version);
  return { control, heard, asked: () => asked, tell, followers: () => takers.size };
}

test("asks no more while it is told that the version stands, and at once when it does not", async () => {
  const { control, heard, asked, tell } = await followed(() => false);
  const { version } = await control.changes(0);
  for (let seconds = 0; seconds < 60; seconds += 5) {
    expect(tell(version)).toBeUndefined();
    await clock.advance(5000);
  }
  expect(asked()).toBe(1);
  const next = await control.set([fact("a")]);
  // Whoever tells it waits for this before it goes on.
  await tell(next);
  expect(heard.at(-1)?.facts).toEqual(["a"]);
  expect(tell(next)).toBeUndefined();
});

test("asks each second while something runs, and where nobody tells it for long: what takes from another server hears nothing", async () => {
  let busy = true;
  const { control, asked, tell } = await followed(() => busy);
  const { version } = await control.changes(0);
  await tell(version);
  await clock.advance(5000);
  expect(asked()).toBe(6);
  busy = false;
  for (let seconds = 0; seconds < 30; seconds += 5) {
    await tell(version);
    await clock.advance(5000);
  }
  expect(asked()).toBe(6);
  await clock.advance(60_000);
  expect(asked()).toBeGreaterThan(6 + 50);
});

test("does not ask again and again for a version that nobody else knows of", async () => {
  const { asked, tell } = await followed(() => false);
  await tell(99);
  expect([tell(99), tell(99), asked()]).toEqual([undefined, undefined, 2]);
});

test("follows nobody when it has stopped", async () => {
  const { followers } = await followed(() => false);
  expect(followers()).toBe(1);
  await watch?.stop();
  expect(followers()).toBe(0);
});

test("has nothing to read where nothing is kept", async () => {
  watch = new FactWatch({ clock, control: undefined, failed: () => {} });
  await watch.start(never);
  expect(await watch.refresh()).toBe(false);
});
