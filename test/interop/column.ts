/** One column of the matrix as a suite of vitest: a stage of its own, a test for each row that has a cell there. */

import { afterAll, beforeAll, test } from "vitest";
import { describeNeeding, describeWith } from "../server/required-program.ts";
import { applies, type Direction, type Servers } from "./behaviour.ts";
import { behaviours } from "./matrix.ts";
import { releases, type ReleaseName } from "./release.ts";
import { Stage } from "./stage.ts";

/** The longest row waits for two ends of leases on a loaded machine. */
const rowLimit = 90_000;

export function describeColumn(servers: Servers, name: ReleaseName, directions: readonly Direction[]): void {
  const release = releases[name];
  describeWith("redis-server", `Celery ${name} over ${servers}`, () => {
    describeNeeding(release, "beside us", () => {
      let stage: Stage;
      beforeAll(async () => {
        stage = await Stage.open({ servers, release });
      }, rowLimit);
      afterAll(() => stage[Symbol.asyncDispose]());
      for (const behaviour of behaviours) {
        if (!directions.includes(behaviour.direction) || !applies(behaviour, servers, name)) continue;
        const title = `${behaviour.direction}: ${behaviour.name}`;
        const row = (): void => void test(title, () => stage.try(behaviour), rowLimit);
        if (behaviour.needs === undefined) row();
        else describeWith(behaviour.needs, title, row);
      }
    });
  });
}
