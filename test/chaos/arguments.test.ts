/** A command that was given nonsense ends with code 2 and says what there is; a number that is none would be a green run of nothing. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { amountOf, brokerOf, brokers, countOf, faultsOf, nameOf } from "./arguments.ts";

it("reads what there is", () => {
  expect(brokerOf("redis", brokers)).toBe("redis");
  expect([countOf("tasks", "1000", 20), countOf("faults", "0", 0), amountOf("minutes", "0.5")]).toEqual([1000, 0, 0.5]);
  expect(faultsOf("stop worker, kill redis,", "redis")).toEqual(["stop worker", "kill redis"]);
  expect(faultsOf("two-port worker dies", "sqlite")).toEqual(["two-port worker dies"]);
  expect(faultsOf("kill redis,kill rabbitmq", "rabbitmq")).toEqual(["kill redis", "kill rabbitmq"]);
  expect(faultsOf("", "sqlite")).toEqual([]);
  expect(nameOf("bug", "no-dedupe", ["no-dedupe"])).toBe("no-dedupe");
});

it.each<[string, () => unknown]>([
  ["--broker redsi: there are sqlite, redis, rabbitmq", () => brokerOf("redsi", brokers)],
  ["--tasks abc: a whole number from 20 on is wanted", () => countOf("tasks", "abc", 20)],
  ["--tasks 3: a whole number from 20 on is wanted", () => countOf("tasks", "3", 20)],
  ["--faults 1e3: a whole number from 0 on is wanted", () => countOf("faults", "1e3", 0)],
  ["--faults : a whole number from 0 on is wanted", () => countOf("faults", "", 0)],
  ["--minutes 0: a number above 0 is wanted", () => amountOf("minutes", "0")],
  ["--minutes -5: a number above 0 is wanted", () => amountOf("minutes", "-5")],
  ["--only kil redis: on redis there are kill worker,", () => faultsOf("stop worker,kil redis", "redis")],
  ["--only kill redis: on sqlite there are kill worker,", () => faultsOf("stop worker,kill redis", "sqlite")],
  ["--only kill rabbitmq: on redis there are", () => faultsOf("kill rabbitmq", "redis")],
  ["--only two-port worker dies: on rabbitmq there are", () => faultsOf("two-port worker dies", "rabbitmq")],
  ["--bug late: there are early", () => nameOf("bug", "late", ["early"])],
])("refuses %s", (message, read) => {
  expect(read).toThrow(message);
});

describe("a command that is given nonsense", () => {
  it.each<[string, readonly string[], RegExp]>([
    ["run.ts", ["--broker", "redsi"], /^--broker redsi: there are sqlite, redis, rabbitmq\n$/],
    ["run.ts", ["--faults", "abc"], /^--faults abc: /],
    ["run.ts", ["--only", "kill worker,kill redis"], /^--only kill redis: on sqlite there are kill worker, [^\n]+\n$/],
    ["run.ts", ["--taks", "1000"], /^Unknown option '--taks'/],
    ["soak.ts", ["--broker", "kafka"], /^--broker kafka: /],
    ["soak.ts", ["--minutes", "soon"], /^--minutes soon: /],
    ["all-bugs.ts", ["--bug", "no-such"], /^--bug no-such: there are /],
    ["beat-run.ts", ["--rounds", "x"], /^--rounds x: /],
  ])("%s %j ends with code 2", (file, args, said) => {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const flags = ["--disable-warning=ExperimentalWarning", path, ...args];
    const run = spawnSync(process.execPath, flags, { encoding: "utf8" });
    expect([run.status, run.stdout]).toEqual([2, ""]);
    expect(run.stderr).toMatch(said);
  });
});
