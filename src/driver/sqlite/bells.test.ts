/** Files of bells: none is left of a dead process, and a living one whose bell is removed makes it anew. */

import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, expect, it } from "vitest";

import { type Clock, systemClock } from "../../clock/clock.ts";
import type { Channel, Subscription } from "../../port/bus.ts";
import type { Delivery } from "../../port/broker.ts";
import { Bench, consuming, never, until } from "./fixtures/harness.ts";
import type { SqliteBackend } from "./index.ts";

const bench = new Bench();
afterEach(() => bench.clear());

const command: Channel = { kind: "control", namespace: "celery" };
const minute = 60_000;
const message = {
  headers: {},
  properties: {},
  contentType: "application/json",
  contentEncoding: "utf-8",
  body: new TextEncoder().encode("{}"),
} as const;

/** What happens each second happens fifty times in one. */
const hasty: Clock = { ...systemClock, every: (ms, run) => systemClock.every(ms / 50, run) };

async function opened(path: string, clock: Clock): Promise<SqliteBackend> {
  const backend = bench.make(path, "?thread=false", clock);
  await backend.open(never);
  return backend;
}

async function consume(backend: SqliteBackend): Promise<readonly Delivery[]> {
  const came: Delivery[] = [];
  const consumer = await backend.broker.consume({ ...consuming, queues: ["q"] }, (batch) => void came.push(...batch));
  consumer.want(20, 20);
  return came;
}

function bellsOf(path: string): readonly string[] {
  return readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}-bell.`));
}

/** The only bell there is. */
function bellOf(path: string): string {
  const [name, ...others] = bellsOf(path);
  if (name === undefined || others.length > 0) throw new Error("not one bell");
  return join(dirname(path), name);
}

function age(file: string, ms: number): void {
  const at = (Date.now() - ms) / 1000;
  utimesSync(file, at, at);
}

// Who was to remove it had died after its commit, or nobody had ever known of the bell.
it("removes bells that nobody answers to, and nothing else", async () => {
  const path = bench.file();
  const make = (name: string, old: number): string => {
    const file = join(dirname(path), name);
    writeFileSync(file, "");
    age(file, old);
    return file;
  };
  const orphan = make("queue.db-bell.4242.0a1b2c3d", 2 * minute);
  // Its number is that of a process that lives, as 1 is in each container.
  const namesake = make(`queue.db-bell.${process.pid}.0a1b2c3d`, 2 * minute);
  // Rung by a process whose clock was wrong.
  const future = make("queue.db-bell.4243.0a1b2c3d", -60 * minute);
  const others = [
    make("queue.db-bell.4242.0a1b2c3e", 0),
    make("other.db-bell.4242.0a1b2c3d", 2 * minute),
    make("queue.db-bell.of-the-house", 2 * minute),
  ];
  const backend = await opened(path, hasty);
  await consume(backend);
  await until("the end of the orphans", () => ![orphan, namesake, future].some(existsSync));
  expect(others.filter(existsSync)).toEqual(others);
});

it("leaves the bell of a consumer that nobody has rung for long", async () => {
  const path = bench.file();
  const silent = await bench.open(path);
  await consume(silent);
  const bell = bellOf(path);
  age(bell, 2 * minute);
  const { ino } = statSync(bell);
  const orphan = `${path}-bell.4242.0a1b2c3d`;
  writeFileSync(orphan, "");
  age(orphan, 2 * minute);
  await until("the end of the orphan", () => !existsSync(orphan));
  expect(statSync(bell).ino).toBe(ino);
});

it("keeps a listener's bell young", async () => {
  const path = bench.file();
  const backend = await opened(path, hasty);
  await backend.bus.listen(
    command,
    () => {},
    () => {},
  );
  const bell = bellOf(path);
  age(bell, 2 * minute);
  await until("a sign of life", () => Date.now() - statSync(bell).mtimeMs < minute);
});

it("makes a bell that was removed anew, and hears it", async () => {
  const path = bench.file();
  // No timer ever ends, so it looks when the bell is rung and at no other time.
  const silent = (): Disposable => ({ [Symbol.dispose]() {} });
  const backend = await opened(path, { ...systemClock, every: silent, after: silent });
  const came = await consume(backend);
  const bell = bellOf(path);
  const publisher = await bench.process(path);
  for (let index = 1; index <= 3; index++) {
    rmSync(bell);
    await until("the bell", () => existsSync(bell));
    publisher.send({ do: "publish", queue: "q", ids: [`${index}`] });
    await until("the task", () => came.length === index);
  }
  await backend.close();
  expect(bellsOf(path)).toEqual([]);
});

it("makes a bell anew once it is needed again", async () => {
  const path = bench.file();
  const backend = await opened(path, systemClock);
  const heard: string[] = [];
  const listen = (): Promise<Subscription> =>
    backend.bus.listen(
      command,
      ({ kind }) => heard.push(kind),
      () => {},
    );
  const subscription = await listen();
  const bell = bellOf(path);
  await subscription.close();
  rmSync(bell);
  await listen();
  await until("the bell", () => existsSync(bell));
  await backend.bus.publish(command, message);
  await until("the command", () => heard.length === 1);
});

// A machine that slept was deaf to commands and events from then on, and did not know it.
it("a listener that was taken for dead listens again, and knows that it missed something", async () => {
  const path = bench.file();
  const backend = await opened(path, hasty);
  const heard: string[] = [];
  await backend.bus.listen(
    command,
    ({ kind }) => heard.push(kind),
    () => heard.push("gap"),
  );
  const bus = new DatabaseSync(`${path}-bus`);
  bus.exec("DELETE FROM listener");
  await until("the gap", () => heard.length > 0);
  expect(bus.prepare("SELECT count(*) AS n FROM listener").get()).toEqual({ n: 1 });
  bus.close();
  await backend.bus.publish(command, message);
  await until("the command", () => heard.length === 2);
  expect(heard).toEqual(["gap", "control"]);
});
