/** A thousand orders, some rolled back, while the relays' processes are killed twenty times: each one that was committed is run, once. */

import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { createApp } from "../../../src/index.ts";
import { createOutbox } from "../../../src/outbox/index.ts";
import { WorkerProcess } from "../../server/command-line.ts";
import { openPlace } from "./place.ts";

const kills = 20;
const perKill = 50;
const appFile = fileURLToPath(new URL("./app.ts", import.meta.url));

export interface KillStage {
  readonly place: string;
  readonly broker: string;
  readonly results?: string;
}

export async function sellWhileRelaysDie({ place: address, broker, results }: KillStage): Promise<void> {
  const place = await openPlace(address);
  await using app = createApp({ broker, ...(results !== undefined && { results }) });
  const outbox = createOutbox(app, { dialect: place.dialect });
  const ran = new Map<number, number>();
  const receipt = app.task("receipt", ({ order }: { order: number }) => {
    ran.set(order, (ran.get(order) ?? 0) + 1);
  });
  await using _worker = await app.work({ pool: "inline", concurrency: 20 });

  const environment = { OUTBOX_PLACE: address, OUTBOX_BROKER: broker, OUTBOX_RESULTS: results ?? "" };
  const relay = (): WorkerProcess =>
    new WorkerProcess(["-A", appFile, "--batch", "5", "--poll", "10ms"], environment, "outbox");
  // One works while the other starts.
  let [now, next] = [relay(), relay()];
  const committed: number[] = [];
  for (let round = 0; round < kills; round++) {
    for (let order = round * perKill; order < (round + 1) * perKill; order++) {
      const paid = order % 5 !== 3;
      const bought = place.transaction(async (query) => {
        await query(`INSERT INTO orders VALUES (${order})`, []);
        await outbox.add(query, receipt.si({ order }));
        if (!paid) throw new Error("no money");
      });
      if (paid) await bought;
      else await expect(bought).rejects.toThrow("no money");
      if (paid) committed.push(order);
    }
    await now.line("outbox.sent");
    now.child.kill("SIGKILL");
    await now.exited;
    [now, next] = [next, relay()];
  }
  const waiting = async (): Promise<number> =>
    Number((await place.rows("SELECT count(*) AS n FROM celeriac_outbox"))[0]?.["n"]);
  await expect.poll(waiting, { timeout: 60_000, interval: 100 }).toBe(0);
  const sorted = (orders: Iterable<number>): readonly number[] => [...orders].toSorted((a, b) => a - b);
  await expect.poll(() => ran.size, { timeout: 60_000, interval: 100 }).toBe(committed.length);
  for (const each of [now, next]) {
    each.child.kill("SIGTERM");
    expect(await each.exited).toBe(0);
  }
  // All that was published twice has been taken by now, for queues are first in, first out.
  expect(await receipt.delay({ order: -1 }).then((sent) => sent.get({ timeout: "60s" }))).toBeNull();
  ran.delete(-1);
  expect(sorted(ran.keys())).toEqual(committed);
  expect([...ran].filter(([, times]) => times > 1)).toEqual([]);
  expect(await place.rows("SELECT count(*) AS n FROM orders").then(([row]) => Number(row?.["n"]))).toBe(
    committed.length,
  );
  await place.close();
}
