/** The outbox's database dies under a relay: the relay takes a new connection when it is back, and what was committed is sent. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createApp } from "../../../src/index.ts";
import { createOutbox } from "../../../src/outbox/index.ts";
import { postgresNeed, startPostgres } from "../../server/postgres-server.ts";
import { describeNeeding } from "../../server/required-program.ts";
import { openPlace, Reports } from "./place.ts";

describeNeeding(postgresNeed, "a relay whose PostgreSQL dies", () => {
  test("waits, and goes on with a new connection; the broken one is given back as broken", async () => {
    const folder = mkdtempSync(join(tmpdir(), "celeriac-outbox-"));
    const postgres = await startPostgres();
    try {
      await using app = createApp({ broker: `sqlite:${join(folder, "queue.db")}` });
      const receipt = app.task("receipt", ({ order }: { order: number }) => order);
      const before = await openPlace(postgres.url);
      const given: boolean[] = [];
      const outbox = createOutbox(app, {
        dialect: "postgres",
        async connect() {
          const connection = await before.connect();
          return {
            query: connection.query,
            close: (error) => {
              given.push(error !== undefined);
              return connection.close(error);
            },
          };
        },
      });
      const ids: string[] = [];
      await before.transaction(async (query) => void ids.push((await outbox.add(query, receipt.si({ order: 1 }))).id));
      const reports = new Reports();
      await postgres.kill();
      const relay = await outbox.relay({ poll: "20ms", report: reports.take });
      await reports.first("trouble");
      await postgres.restart();
      await reports.first("sent");
      await reports.first("recovered");
      reports.all.length = 0;
      await postgres.kill();
      await reports.first("trouble");
      await postgres.restart();
      await reports.first("recovered");
      await relay.stop();
      expect(given).toContain(true);
      expect(given.at(-1)).toBe(false);
      await using _worker = await app.work({ pool: "inline" });
      expect(await app.result<number>(ids[0] ?? "").get({ timeout: "60s" })).toBe(1);
    } finally {
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 240_000);
});
