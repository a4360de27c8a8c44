/** Who stands still in the midst of a write to the bus of an SQLite file holds it locked: events are lost over that, and no lease. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { createApp, type App } from "../../src/index.ts";

it("keeps what workers hold while the file of their events is locked for longer than a lease", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-bus-locked-"));
  const broker = `sqlite:${join(folder, "queue.db")}`;
  const begun: string[] = [];
  const worker = async (name: string): Promise<App> => {
    const app = createApp({ name, broker });
    app.task("locked.long", async () => {
      begun.push(name);
      // Two leases and a half, in which the file is locked.
      await sleep(2500);
      return name;
    });
    // What tells events all the time.
    app.task("locked.short", () => sleep(5));
    await app.work({ pool: "inline", concurrency: 4, lease: 1000, sweep: 200, log: "silent" });
    return app;
  };
  const apps = [await worker("one"), await worker("two")];
  const [app] = apps;
  if (app === undefined) throw new Error("it was made");
  const listening = await app.events(() => undefined);
  const bus = new DatabaseSync(join(folder, "queue.db-bus"));
  try {
    const [long, short] = [app.remote<() => string>("locked.long"), app.remote<() => void>("locked.short")];
    const result = await long.delay();
    await expect.poll(() => begun.length).toBe(1);
    bus.exec("BEGIN IMMEDIATE");
    const ends = performance.now() + 2500;
    while (performance.now() < ends) {
      await short.delay();
      await sleep(20);
    }
    bus.exec("ROLLBACK");
    await result.get({ timeout: "20s" });
    expect(begun).toHaveLength(1);
  } finally {
    bus.close();
    await listening.close();
    await Promise.all(apps.map((one) => one.close()));
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
