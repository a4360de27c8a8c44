/** Calls to a driver go wrong, each in every way it can: with an error, and with a death before and after it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRabbit, type RabbitServer } from "../server/rabbitmq-server.ts";
import { startRedis, type RedisServer } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import type { Mode } from "./faulty-backend.ts";
import { lateCopies } from "./late-copies.ts";
import { afterRestart, strike } from "./loop.ts";

const deaths: readonly Mode[] = ["kill-before", "kill-after"];
const errors: readonly Mode[] = ["error", "error-after"];

/** `npm test` strikes every twelfth call, each kind of strike others, and every 24th of two servers, which are twice as many; `npm run nth-call` each. */
const every = process.env["CELERIAC_EVERY_CALL"] === "1";
const [step, apartStep] = every ? [1, 1] : [12, 24];

interface LoopOptions {
  readonly modes?: readonly Mode[];
  readonly stride?: number;
  /** What is wrong with what the rounds at these places have left, when all of them are over. */
  readonly left?: (places: readonly string[]) => Promise<string[]>;
}

function loop(fresh: (name: string) => Promise<string>, options: LoopOptions = {}): void {
  const { modes = [...errors, ...deaths], stride = step, left } = options;
  let folder = "";
  const places: string[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "celeriac-nth-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const round = async (mode: Mode, n: number): Promise<string[]> => {
    const name = `${mode}-${String(n)}`;
    const url = await fresh(join(folder, name));
    places.push(url);
    const struck = await strike(url, join(folder, `${name}.journal`), mode, n);
    return (await afterRestart(url, struck, deaths.includes(mode))).map((what) => `${name}: ${what}`);
  };

  it.each([...modes])(
    "survives %s, call by call",
    async (mode) => {
      const counted = await strike(
        await fresh(join(folder, `${mode}-count`)),
        join(folder, `${mode}.journal`),
        "count",
        0,
      );
      const calls = Number(counted.at(-1)?.split(" ")[1]);
      expect(calls).toBeGreaterThan(15);
      const wrong: string[] = [];
      const from = stride - (modes.indexOf(mode) % stride);
      const numbers = Array.from(
        { length: Math.ceil((calls - from + 1) / stride) },
        (_, index) => from + index * stride,
      );
      // Five at a time: most of a round is waiting for a lease to run out.
      await Promise.all(
        [0, 1, 2, 3, 4].map(async () => {
          for (let n = numbers.shift(); n !== undefined; n = numbers.shift()) wrong.push(...(await round(mode, n)));
        }),
      );
      if (left) wrong.push(...(await left(places.splice(0))));
      expect(wrong).toEqual([]);
    },
    600_000,
  );
}

describe("the n-th call on SQLite", () => {
  loop(async (path) => `sqlite:${path}.db`);
});

describe("the n-th call on SQLite, its results in another file", () => {
  // The half that says most: each step done, and its answer or its process lost.
  loop(async (path) => `sqlite:${path}.db sqlite:${path}.results.db`, {
    modes: ["error-after", "kill-after"],
    stride: apartStep,
  });
});

describeWith("redis-server", "the n-th call on Redis", () => {
  let server: RedisServer;
  let database = 0;
  beforeAll(async () => {
    server = await startRedis({ appendonly: true, config: { databases: "400" } });
  });
  afterAll(() => server.stop());
  loop(async () => `${server.url.replace(/\/\d*$/, "")}/${String(++database)}`);
});

describeWith("rabbitmq-server", "the n-th call on RabbitMQ", () => {
  describeWith("redis-server", "its results on Redis", () => {
    let rabbit: RabbitServer;
    let redis: RedisServer;
    let database = 0;
    beforeAll(async () => {
      [rabbit, redis] = await Promise.all([startRabbit(), startRedis({ config: { databases: "800" } })]);
    });
    afterAll(() => Promise.all([rabbit.stop(), redis.stop()]));
    loop(async () => `${rabbit.url} ${redis.url.replace(/\/\d*$/, "")}/${String(++database)}`, {
      stride: apartStep,
      left: (places) => lateCopies(rabbit, places),
    });
  });
});
