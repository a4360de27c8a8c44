/** The outbox in each database that it knows: SQLite always, PostgreSQL and MariaDB where they are installed. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { mariadbNeed, startMariadb } from "../../server/mariadb-server.ts";
import { postgresNeed, startPostgres } from "../../server/postgres-server.ts";
import { describeNeeding } from "../../server/required-program.ts";
import { outboxSuite } from "./outbox-suite.ts";

describe("an outbox in SQLite", () =>
  outboxSuite(async () => {
    const folder = mkdtempSync(join(tmpdir(), "celeriac-outbox-db-"));
    return {
      address: `sqlite:${join(folder, "shop.db")}`,
      stop: async () => rmSync(folder, { recursive: true, force: true }),
    };
  }));

describeNeeding(postgresNeed, "an outbox in PostgreSQL", () =>
  outboxSuite(async () => {
    const server = await startPostgres();
    return { address: server.url, stop: () => server.stop() };
  }),
);

describeNeeding(mariadbNeed, "an outbox in MariaDB", () =>
  outboxSuite(async () => {
    const server = await startMariadb();
    return { address: `mysql:${server.port}`, stop: () => server.stop() };
  }),
);
