/** Result stores and joins against the memory driver: random calls of the ports, answered alike. */

import {
  type Arbitrary,
  array,
  assert,
  asyncProperty,
  boolean,
  constantFrom,
  integer,
  nat,
  oneof,
  record,
} from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Joins } from "../../src/port/joins.ts";
import { resultOf } from "../../src/testing/conformance/rig.ts";
import { describeWith } from "../server/required-program.ts";
import { chosen } from "./comparison.ts";
import { type Driver, memoryDriver, type ModelClient, redisDriver, sqliteDriver } from "./driver.ts";

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();
const byText = (one: readonly unknown[], other: readonly unknown[]): number => (String(one) < String(other) ? -1 : 1);
const of = nat(2);
const fence = integer({ min: 1, max: 4 });
const states = ["SUCCESS", "FAILURE", "REVOKED"] as const;
const just = <K extends string>(...names: readonly K[]): Arbitrary<K> => constantFrom(...names);

const write = record({
  id: of,
  state: just(...states, "STARTED", "RETRY"),
  fence,
  value: nat(2),
});
const arrival = record({ group: of, member: nat(3), state: just(...states) });
const call = oneof(
  { weight: 5, arbitrary: record({ do: just("commit"), batch: array(write, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: record({ do: just("forget"), id: of }) },
  { weight: 3, arbitrary: record({ do: just("point"), id: of, fence, name: nat(1), value: nat(9) }) },
  { weight: 1, arbitrary: record({ do: just("elapse") }) },
  {
    weight: 3,
    arbitrary: record({ do: just("open"), group: of, size: nat(4), sending: constantFrom(0, undefined) }),
  },
  {
    weight: 5,
    arbitrary: record({
      do: just("arrive"),
      batch: array(arrival, { minLength: 1, maxLength: 3 }),
      // Of a whole batch: whether the body that one brings serves the others of its batch is each driver's own affair.
      body: boolean(),
    }),
  },
  { weight: 2, arbitrary: record({ do: just("grow"), group: of, member: nat(5) }) },
  { weight: 1, arbitrary: record({ do: just("seal", "close"), group: of }) },
  { weight: 2, arbitrary: record({ do: just("stale") }) },
  { weight: 1, arbitrary: record({ do: just("save", "unsave"), group: of, value: nat(9) }) },
);
type Call = typeof call extends Arbitrary<infer T> ? T : never;

class Desk {
  readonly #driver: Driver;
  readonly #clients: readonly ModelClient[];
  #turn = 0;

  constructor(driver: Driver, clients: readonly ModelClient[]) {
    this.#driver = driver;
    this.#clients = clients;
  }

  static async at(driver: Driver): Promise<Desk> {
    return new Desk(driver, [await driver.open(), await driver.open()]);
  }

  /** What it answers, and what all can read afterwards. Clients take turns. */
  async do(one: Call): Promise<unknown> {
    const answer = await this.#do(one);
    const { store, joins } = this.#next();
    const ids = [0, 1, 2].map(idOf);
    const results = (await store.get(ids)).map((outcome) => outcome && [outcome.state, text(outcome.meta)]);
    const points = await Promise.all(
      [0, 1, 2].map(async (id) => [...((await store.checkpoints?.read(pointsOf(id))) ?? [])].toSorted(byText)),
    );
    const groups = [];
    for (const group of [0, 1, 2].map(groupOf)) {
      const members = await joins.members(group, 0, 10);
      groups.push({
        look: await joins.look(group),
        members: members.map(({ member, index, value, state }) => [member, index, state, text(value)]),
        tail: (await joins.members(group, 1, 1)).map(({ member }) => member),
        saved: text(await joins.saved(group)),
      });
    }
    return { answer, results, points: points.map((each) => each.map(([name, value]) => [name, text(value)])), groups };
  }

  async #do(one: Call): Promise<unknown> {
    const { store, joins } = this.#next();
    switch (one.do) {
      case "commit":
        return this.#commit(one.batch);
      case "forget":
        return store.forget([idOf(one.id)]);
      case "point":
        return store.checkpoints?.write(
          pointsOf(one.id),
          one.fence,
          `p${one.name}`,
          bytesOf(one.value),
          this.#driver.horizon,
        );
      case "elapse":
        return this.#driver.elapse(this.#driver.horizon * 1.2);
      case "open": {
        const { group, size, sending } = one;
        const open = { group: groupOf(group), size, body: bytesOf(`body ${String(group)}`), ttl: week };
        return joins.open([{ ...open, ...(sending === undefined ? {} : { sending }) }]);
      }
      case "arrive":
        return joins.arrive(
          one.batch.map(({ group, member, state }) => ({
            group: groupOf(group),
            member: `member ${String(member)}`,
            index: member,
            state,
            value: bytesOf(member),
            ttl: week,
            ...(one.body ? { body: bytesOf(`body ${String(group)}`) } : {}),
          })),
        );
      case "grow":
        return joins.grow(groupOf(one.group), `member ${String(one.member)}`);
      case "seal":
      case "close":
        return joins[one.do]([groupOf(one.group)]);
      case "stale": {
        await this.#driver.tick();
        const found = await joins.stale(0, 10);
        return found.map(({ group, why, body }) => [group, why, text(body)]).toSorted(byText);
      }
      case "save":
        return joins.save(groupOf(one.group), bytesOf(one.value), week);
      case "unsave":
        return joins.unsave(groupOf(one.group));
    }
  }

  /** Of a write that is both late and fenced drivers name one reason or the other. */
  async #commit(batch: Extract<Call, { do: "commit" }>["batch"]): Promise<readonly string[]> {
    const writes = batch.map(({ id, state, fence: by, value }) =>
      resultOf(idOf(id), state, by, { value, ttl: this.#driver.horizon }),
    );
    const answers = await this.#next().store.commit(writes);
    return answers.map((answer) => (answer === "fenced" || answer === "already-final" ? "refused" : answer));
  }

  #next(): { readonly store: ModelClient["store"]; readonly joins: Joins } {
    const { store } = this.#clients[this.#turn++ % this.#clients.length] ?? {};
    if (store?.joins === undefined) throw new Error("it has no joins");
    return { store, joins: store.joins };
  }
}

/** Longer than all that `elapse` lets pass in a run. */
const week = 7 * 86_400_000;
const idOf = (id: number): string => `id-${String(id)}`;
/** Ids without a result: whether a checkpoint's fence holds for results too is each driver's own affair. */
const pointsOf = (id: number): string => `points-${String(id)}`;
const groupOf = (group: number): string => `group-${String(group)}`;
const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function cases(open: () => Promise<Driver>, runs: number): void {
  let driver: Driver | undefined;
  beforeAll(async () => void (driver = await open()));
  afterAll(() => driver?.close());
  test("answers what the model answers, whatever is called", { timeout: 3_600_000 }, async () => {
    if (driver === undefined) throw new Error("it was not opened");
    const [server, desk] = [driver, await Desk.at(driver)];
    const calls = array(call, { minLength: 5, maxLength: 40, size: "max" });
    const property = asyncProperty(calls, async (each) => {
      const model = await Desk.at(memoryDriver());
      await server.reset();
      for (const [index, one] of each.entries()) {
        const expected = await model.do(one);
        const seen = await desk.do(one);
        expect(seen, `call ${String(index + 1)}, ${one.do}`).toEqual(expected);
      }
    });
    await assert(property, chosen(runs));
  });
}

describe("the store of sqlite", () => cases(sqliteDriver, 25));
describeWith("redis-server", "the store of redis", () => cases(redisDriver, 25));
