import { afterAll, beforeAll, expect, test } from "vitest";
import { never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Backend } from "../../port/backend.ts";
import { letterText, readLetter } from "./letter.ts";

const letter = {
  key: "1",
  id: "a",
  task: "t",
  queue: "q",
  reason: "crashed",
  at: 1,
  raw: Buffer.from("{}"),
  attempts: [],
  detail: "d",
} as const;
const record = { attempt: 1, worker: "w", pid: 7, started: 1, ended: 2, stderrTail: "", error: "no" };

/** The letter with other members, as text. */
const changed = (members: Readonly<Record<string, unknown>>): string => {
  const [head, tail] = letterText(letter);
  return JSON.stringify({ ...(JSON.parse(head + tail) as object), ...members });
};

test("a letter is read as it was written", () => {
  expect(readLetter(letterText(letter).join(JSON.stringify(record)))).toEqual({
    ...letter,
    attempts: [{ ...record, exit: undefined }],
  });
});

test.each([
  ["no attempts", { attempts: undefined }],
  ["attempts that are no list", { attempts: {} }],
  ["a message that is a number", { raw: 1 }],
  ["a message that is null", { raw: null }],
  ["no key", { key: undefined }],
  ["a queue in a list", { queue: ["q"] }],
  ["a time as text", { at: "1" }],
  ["no reason", { reason: undefined }],
  ["a detail that is a number", { detail: 5 }],
])("text with %s is no letter", (_, members) => {
  expect(readLetter(changed(members))).toBeUndefined();
});

test("what is no record of an attempt is left out, and what a record lacks is filled in", () => {
  const attempts = [null, 5, [], { attempt: 1 }, { attempt: "1", worker: 2, exit: 9, stderrTail: null }];
  expect(readLetter(changed({ attempts, id: 5, task: {} }))).toMatchObject({
    id: undefined,
    task: undefined,
    attempts: [{ attempt: 0, worker: "", exit: undefined, stderrTail: "", started: 0 }],
  });
});

describeWith("redis-server", "letters that a stranger wrote", () => {
  let redis: RedisServer;
  let backend: Backend;
  beforeAll(async () => {
    redis = await startRedis();
    backend = await openBackend(redis.url);
  });
  afterAll(async () => {
    await backend.close();
    await redis.stop();
  });

  test("hide no others, and are not redriven", async () => {
    await backend.broker.publish([outgoing("strange", "a")], never);
    const texts = [changed({ attempts: undefined }), changed({ raw: 5 }), changed({ key: "sound" }), "null"];
    for (const [index, text] of texts.entries()) {
      const name = `celeriac:dead:${String(index)}`;
      await redis.cli("SET", name, text);
      await redis.cli("ZADD", "celeriac:dead", String(index + 1), name);
    }
    const { items } = await backend.broker.dead.list({}, undefined, 10);
    expect(items.map(({ key }) => key)).toEqual(["sound"]);
    expect(await backend.broker.dead.redrive(["0", "1", "3"])).toBe(0);
  });
});
