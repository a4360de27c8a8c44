/** Columns of the matrix as suites of vitest: a stage for each, a test for each row that has a cell there. */

import { afterAll, beforeAll, describe, test } from "vitest";
import { describeNeeding, describeWith } from "../server/required-program.ts";
import { applies, type Behaviour, type Direction, type Servers } from "./behaviour.ts";
import { behaviours } from "./matrix.ts";
import { type SharedRabbit, shareRabbit } from "./rabbit.ts";
import { type Release, releases, type ReleaseName } from "./release.ts";
import { Stage } from "./stage.ts";

/** The longest row waits for two ends of leases on a loaded machine; RabbitMQ takes as long to start there. */
const limit = 300_000;

export function describeRedis(name: ReleaseName, directions: readonly Direction[]): void {
  describeRelease(name, (release) => describeColumn("redis", release, directions, () => undefined));
}

/** Results in Redis and sent back, on one server of RabbitMQ. */
export function describeRabbit(name: ReleaseName): void {
  describeWith("rabbitmq-server", "over RabbitMQ", () => {
    describeRelease(name, (release) => {
      let rabbit: SharedRabbit;
      beforeAll(async () => {
        rabbit = await shareRabbit();
      }, limit);
      afterAll(() => rabbit[Symbol.asyncDispose]());
      for (const servers of ["rabbitmq", "rpc"] as const) describeColumn(servers, release, undefined, () => rabbit);
    });
  });
}

function describeRelease(name: ReleaseName, suite: (release: Release) => void): void {
  const release = releases[name];
  describeWith("redis-server", "beside Python", () => {
    describeNeeding(release, `interoperability with Celery ${name}`, () => suite(release));
  });
}

function describeColumn(
  servers: Servers,
  release: Release,
  directions: readonly Direction[] | undefined,
  rabbit: () => SharedRabbit | undefined,
): void {
  const rows = behaviours.filter(
    (row) => applies(row, servers, release.name) && (directions?.includes(row.direction) ?? true),
  );
  describe(servers, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await Stage.open({ servers, release, rabbit: rabbit() });
    }, limit);
    afterAll(() => stage[Symbol.asyncDispose]());
    for (const row of rows) testRow(row, () => stage);
  });
}

function testRow(row: Behaviour, stage: () => Stage): void {
  const title = `${row.direction}: ${row.name}`;
  const run = (): void => {
    test(title, () => stage().try(row), limit);
  };
  if (row.needs === undefined) run();
  else describeWith(row.needs, title, run);
}
