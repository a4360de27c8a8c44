/**
 * How far the SQLite driver is from SQLite: the same rows in the same tables, written by bare statements of node:sqlite in batches, against
 * the driver with its thread, its packing and its promises. CPU of the whole process, so that what else runs does not count; the two in turn.
 *
 *   node bench/sqlite-raw.ts [--rounds 7] [--tasks 20000] [--batch 400] [--durability process]
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { systemClock } from "../src/clock/clock.ts";
import { open, type SqliteBackend } from "../src/driver/sqlite/index.ts";
import type { Delivery, Outgoing, Settlement } from "../src/port/broker.ts";
import { encodeHead } from "../src/wire/envelope.ts";
import { median } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    tasks: { type: "string", default: "20000" },
    batch: { type: "string", default: "400" },
    durability: { type: "string", default: "process" },
  },
});
const [rounds, tasks, batch] = [Number(values.rounds), Number(values.tasks), Number(values.batch)];
const day = 86_400_000;
const task = "bench.noop";
const meta = Buffer.from(`{"status":"SUCCESS","result":1000000,"traceback":null,"children":[]${" ".repeat(120)}}`);
const body = Buffer.from(`[[],{"n":1000000,"text":"${"x".repeat(75)}"},{}]`);
const never = new AbortController().signal;
type Step = "inserts" | "updates";
const took: Record<string, number[]> = {};

/** Times of one clock first, as the app's own ids have it: otherwise each would be on a page of its own. */
function idAt(number: number): string {
  const time = (Date.now() * 16 + (number % 16)).toString(16).padStart(13, "0");
  return `${time.slice(0, 8)}-${time.slice(8, 12)}-7${crypto.randomUUID().slice(15)}`;
}

function outgoing(number: number): Outgoing {
  const id = idAt(number);
  return {
    queue: "bench",
    message: {
      headers: { task, id, origin: "gen1@bench" },
      properties: { correlationId: id },
      contentType: "application/json",
      contentEncoding: "utf-8",
      body,
    },
    dedupe: { id, nonce: id, window: day },
  };
}

function batches(): Outgoing[][] {
  return Array.from({ length: Math.ceil(tasks / batch) }, (_, part) =>
    Array.from({ length: Math.min(batch, tasks - part * batch) }, (_, at) => outgoing(part * batch + at)),
  );
}

/** Processor time in ms for 10 000 tasks. */
async function measure(name: string, step: Step, run: () => unknown): Promise<void> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  (took[`${name} ${step}`] ??= []).push((user + system) * (10 / tasks));
}

function backendOn(path: string): SqliteBackend {
  const url = new URL(`${pathToFileURL(path).href.replace("file:", "sqlite:")}?durability=${values.durability}`);
  return open({
    url,
    clock: systemClock,
    maxDepth: 0,
    maxMessageBytes: 1_000_000,
    commandTimeout: 10_000,
    allowEviction: false,
    keyPrefix: "",
  });
}

async function byDriver(path: string): Promise<void> {
  const backend = backendOn(path);
  await backend.open(never);
  const all = batches();
  await measure("driver", "inserts", async () => {
    for (const some of all) await backend.broker.publish(some, never);
  });
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  let left = tasks;
  const options = { queues: ["bench"], worker: "bench", lease: 30_000, maxClaimBytes: 4_000_000 } as const;
  const consumer = await backend.broker.consume(
    { ...options, userCodeHere: true, stallLimit: 60_000, sweep: 5_000 },
    (claimed: readonly Delivery[]) => {
      const settlements = claimed.map((delivery): Settlement => {
        const { message } = delivery;
        const id = "malformed" in message ? "" : String(message.headers["id"]);
        const { fence } = delivery;
        return {
          delivery,
          then: { kind: "ack" },
          result: { id, state: "SUCCESS", final: true, fence, meta, ttl: day },
        };
      });
      consumer.settle(settlements).then(() => {
        left -= settlements.length;
        if (left === 0) resolve();
      }, reject);
    },
  );
  await measure("driver", "updates", async () => {
    consumer.want(batch, batch);
    await done;
  });
  await backend.close();
}

/** What the driver's transactions write, and nothing around it. */
async function byStatements(path: string): Promise<void> {
  const backend = backendOn(path);
  await backend.open(never);
  await backend.close();
  const sql = new DatabaseSync(path);
  const level = values.durability === "power" ? "FULL" : "NORMAL";
  sql.exec(`PRAGMA synchronous = ${level}; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16000`);
  const see = sql.prepare("INSERT OR IGNORE INTO celeriac_seen (id, nonce, until) VALUES (?, ?, ?)");
  const insert = sql.prepare(
    "INSERT INTO celeriac_task (id, task, queue, prio, state, created, head, body) VALUES (?, ?, 1, 0, 0, ?, ?, ?)",
  );
  const lease = sql.prepare(
    "UPDATE celeriac_task SET state = 2, lease = ?, owner = 1, fence = ? WHERE seq IN (SELECT seq FROM celeriac_task WHERE state = 0 AND queue = 1 ORDER BY prio, seq LIMIT ?) RETURNING seq, id, head, body",
  );
  const remove = sql.prepare("DELETE FROM celeriac_task WHERE seq = ? AND fence = ?");
  const store = sql.prepare(
    "INSERT INTO celeriac_result (id, state, final, fence, until, meta) VALUES (?, 'SUCCESS', 1, ?, ?, ?)",
  );
  const within = (work: () => void): void => {
    sql.exec("BEGIN IMMEDIATE");
    work();
    sql.exec("COMMIT");
  };
  const all = batches().map((some) =>
    some.map(({ message }) => ({ id: String(message.headers["id"]), head: encodeHead(message) })),
  );
  const now = Date.now();
  await measure("statements", "inserts", () => {
    for (const some of all) {
      within(() => {
        for (const { id, head } of some) {
          see.run(id, id, now + day);
          insert.run(id, task, now, head, body);
        }
      });
    }
  });
  await measure("statements", "updates", () => {
    let claimed: readonly Record<string, unknown>[] = [];
    do {
      within(() => {
        for (const { seq, id } of claimed) {
          remove.run(seq as number, 5);
          store.run(id as string, 5, now + day, meta);
        }
        claimed = lease.all(now, 5, batch);
      });
    } while (claimed.length > 0);
  });
  sql.close();
}

const folder = await mkdtemp(join(tmpdir(), "celeriac-raw-"));
try {
  for (let round = 0; round <= rounds; round++) {
    await byStatements(join(folder, `statements-${String(round)}.db`));
    await byDriver(join(folder, `driver-${String(round)}.db`));
    // The first is for the compiler.
    if (round === 0) for (const name of Object.keys(took)) took[name] = [];
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
for (const step of ["inserts", "updates"] as const) {
  const [bare, driver] = [took[`statements ${step}`] ?? [], took[`driver ${step}`] ?? []];
  const ratios = driver.map((ms, round) => ms / (bare[round] ?? Number.NaN));
  process.stdout.write(
    `${step}: statements ${median(bare).toFixed(0)}, driver ${median(driver).toFixed(0)} ms of CPU for 10 000 tasks, ${median(ratios).toFixed(2)} × (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})\n`,
  );
}
