/** Brokers against the memory driver: random calls of the port, seen alike. */

import { afterAll, beforeAll, describe, test } from "vitest";
import { compareMany } from "./comparison.ts";
import { type Driver, redisDriver, sqliteDriver } from "./driver.ts";
import { describeWith } from "../server/required-program.ts";

function cases(open: () => Promise<Driver>, runs: number): void {
  let driver: Driver | undefined;
  beforeAll(async () => void (driver = await open()));
  afterAll(() => driver?.close());
  test("sees what the model sees, whatever is called", { timeout: 3_600_000 }, async () => {
    if (driver !== undefined) await compareMany(driver, runs);
  });
}

describe("the broker of sqlite", () => cases(sqliteDriver, 25));
describeWith("redis-server", "the broker of redis", () => cases(redisDriver, 25));
