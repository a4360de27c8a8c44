/**
 * Real schedulers on a real server: in each round one of them, mostly the leader, is killed, frozen or told to stop at some moment. Every
 * message that is sent is counted by its id; the ids of all ticks are known beforehand.
 */

import { fileURLToPath } from "node:url";
import { coreOf, createApp } from "../../src/app/app.ts";
import { callOf } from "../../src/beat/call.ts";
import { type Entry, isReadable } from "../../src/beat/entry.ts";
import { portsOf } from "../../src/beat/schedule-ports.ts";
import type { Delivery } from "../../src/port/broker.ts";
import { WorkerProcess } from "../server/command-line.ts";
import { pause } from "./faults.ts";
import { Random } from "./random.ts";

export interface BeatVerdict {
  readonly ticks: number;
  readonly kills: number;
  readonly freezes: number;
  readonly stops: number;
  readonly terms: number;
  readonly missing: number;
  readonly twice: number;
  /** Messages of no tick. */
  readonly strange: number;
}

const appFile = fileURLToPath(new URL("./beat-app.ts", import.meta.url));
const ttl = 600;
/** So many run, so that one is alive while another starts. */
const schedulers = 3;

export async function playBeats(broker: string, rounds: number, seed: number): Promise<BeatVerdict> {
  const random = new Random(seed);
  const app = createApp({ name: "beats-observer", broker });
  const core = coreOf(app);
  const backend = await core.connect();
  const counts = new Map<string, number>();
  const take = (batch: readonly Delivery[]): void => {
    for (const { message } of batch) {
      const id = "malformed" in message ? "malformed" : String(message.headers["id"]);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    consumer.settle(batch.map((delivery) => ({ delivery, then: { kind: "ack" } }))).catch(() => {});
  };
  const consumer = await backend.broker.consume(
    {
      queues: ["celery"],
      worker: "observer",
      lease: 30_000,
      sweep: 5_000,
      maxClaimBytes: 1_000_000,
      userCodeHere: false,
      stallLimit: 60_000,
    },
    take,
  );
  consumer.want(1_000, 1_000);

  const start = (): WorkerProcess =>
    new WorkerProcess(["-A", appFile, "--ttl", `${String(ttl)}ms`], { BEAT_BROKER: broker }, "beat");
  const running = Array.from({ length: schedulers }, start);
  const all = [...running];
  const done = { kills: 0, freezes: 0, stops: 0 };
  try {
    await Promise.all(running.map((scheduler) => scheduler.line("beat.ready")));
    for (let round = 0; round < rounds; round += 1) {
      await pause(random.between(0, 2 * ttl));
      const leader = running.findIndex(leads);
      const at = leader !== -1 && random.next() < 0.8 ? leader : Math.floor(random.next() * running.length);
      const who = running[at];
      if (who === undefined) continue;
      const fault = random.weighted({ kills: 4, freezes: 5, stops: 1 });
      done[fault] += 1;
      if (fault === "freezes") {
        who.child.kill("SIGSTOP");
        await pause(random.between(0, 2.5 * ttl));
        who.child.kill("SIGCONT");
        continue;
      }
      who.child.kill(fault === "kills" ? "SIGKILL" : "SIGTERM");
      const next = start();
      all.push(next);
      running[at] = next;
    }
    // Whoever leads has caught up when it has sent the tick of a moment after the last fault.
    const last = Date.now() + 1_000;
    await Promise.any(
      running.map((scheduler) =>
        scheduler.line("schedule.sent", ({ tick }) => typeof tick === "string" && Date.parse(tick) >= last),
      ),
    );
    const entry = (await portsOf(core, backend).store.all()).get("work");
    if (entry === undefined || !isReadable(entry)) throw new Error("the schedule is not stored");
    await Promise.all(running.map((scheduler) => scheduler.stop()));
    await arrived(counts, callOf(core, entry, newestTick(entry, last)).result.id);
    const terms = all.reduce((sum, { lines }) => sum + lines.filter(({ event }) => event === "beat.leading").length, 0);
    return { ...done, terms, ...count(entry, counts, last) };
  } finally {
    for (const scheduler of all) await scheduler[Symbol.asyncDispose]();
    await app.close();
  }

  function count(
    entry: Entry,
    ids: ReadonlyMap<string, number>,
    until: number,
  ): Omit<BeatVerdict, keyof typeof done | "terms"> {
    const verdict = { ticks: 0, missing: 0, twice: 0, strange: 0 };
    const known = new Set<string>();
    // Schedulers end a little after `until`: what they send in between is known, and may or may not be there.
    for (let tick = next(entry, entry.from); tick < until + 600_000; tick = next(entry, tick)) {
      const { id } = callOf(core, entry, tick).result;
      known.add(id);
      const sent = ids.get(id) ?? 0;
      if (sent > 1) verdict.twice += 1;
      if (tick > until) continue;
      verdict.ticks += 1;
      if (sent === 0) verdict.missing += 1;
    }
    verdict.strange = [...ids.keys()].filter((id) => !known.has(id)).length;
    return verdict;
  }
}

function leads({ lines }: WorkerProcess): boolean {
  return (
    lines.findLast(({ event }) => event === "beat.leading" || event === "beat.following")?.event === "beat.leading"
  );
}

function next(entry: Entry, after: number): number {
  return entry.schedule.next(after, entry.since) ?? Infinity;
}

/** The last one up to `until`. */
function newestTick(entry: Entry, until: number): number {
  let tick = entry.from;
  for (let each = next(entry, tick); each <= until; each = next(entry, each)) tick = each;
  return tick;
}

async function arrived(ids: ReadonlyMap<string, number>, id: string): Promise<void> {
  for (let waited = 0; !ids.has(id) && waited < 60_000; waited += 20) await pause(20);
  await pause(200); // what comes twice comes behind it
}
