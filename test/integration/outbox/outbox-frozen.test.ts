/** A relay that stands still for longer than its claim lasts, as a process that is stopped, or a machine that sleeps. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { type PostgresServer, postgresNeed, startPostgres } from "../../server/postgres-server.ts";
import { describeNeeding } from "../../server/required-program.ts";
import { takeOverFromFrozen } from "./frozen.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "celeriac-outbox-frozen-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("an outbox in SQLite", () => {
  test.each(["before", "after"] as const)(
    "loses nothing and sends nothing twice when a relay is frozen %s it published, and comes back",
    async (moment) => {
      const at = (name: string): string => `sqlite:${join(folder, `${moment}-${name}.db`)}`;
      await takeOverFromFrozen(at("shop"), at("queue"), moment);
    },
    240_000,
  );
});

describeNeeding(postgresNeed, "an outbox in PostgreSQL", () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  test("loses nothing and sends nothing twice when a relay is frozen in its transaction, which the server ends", async () => {
    await takeOverFromFrozen(postgres.url, `sqlite:${join(folder, "elsewhere.db")}`, "before");
  }, 240_000);
});
