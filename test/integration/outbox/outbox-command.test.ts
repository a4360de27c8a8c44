/** `celeriac outbox`: what it does besides relaying, which the tests of killed relays show. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { celeriac, WorkerProcess } from "../../server/command-line.ts";
import { openPlace } from "./place.ts";

const own = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "celeriac-outbox-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("tells what it relays and what it sets aside, as JSON, and stops at SIGTERM", async () => {
  const place = await openPlace(`sqlite:${join(folder, "shop.db")}`);
  await place.rows("INSERT INTO celeriac_outbox (id, queue, size, message) VALUES ('x', 'celery', 1, 'no JSON')");
  const environment = { OUTBOX_PLACE: place.address, OUTBOX_BROKER: `sqlite:${join(folder, "queue.db")}` };
  await using relay = new WorkerProcess(["-A", own("./app.ts")], environment, "outbox");
  expect(await relay.line("outbox.ready")).toMatchObject({ outboxes: ["outbox"] });
  expect(await relay.line("outbox.set-aside")).toMatchObject({ outbox: "outbox", seq: 1 });
  relay.child.kill("SIGTERM");
  expect(await relay.exited).toBe(0);
  await place.close();
});

test("tells of trouble with the database, and goes on trying", async () => {
  const broker = `sqlite:${join(folder, "queue.db")}`;
  const place = await openPlace(`sqlite:${join(folder, "shop.db")}`);
  await using relay = new WorkerProcess(
    ["-A", own("./app.ts")],
    { OUTBOX_PLACE: place.address, OUTBOX_BROKER: broker },
    "outbox",
  );
  await relay.line("outbox.ready");
  await place.rows("DROP TABLE celeriac_outbox");
  expect(await relay.line("outbox.trouble")).toMatchObject({
    error: expect.stringContaining("no such table") as string,
  });
  await place.close();
  await (await openPlace(place.address)).close();
  await relay.line("outbox.recovered");
});

test("names what is missing where the file exports no outbox", async () => {
  const { code, stderr } = await celeriac(["outbox", "-A", own("../rig/app.ts")], { RIG_BROKER: "memory:" });
  expect(code).toBe(1);
  expect(stderr).toContain("APP_NOT_FOUND");
  expect(stderr).toContain("exports no outbox of this app");
});
