/** Rows on our leases beside kombu's ledger, on Redis: the twelve conditions under which both may hold messages in the same two keys. */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Behaviour } from "../behaviour.ts";
import { patience, type Stage } from "../stage.ts";
import { kombuSweep, runsIn } from "./sharing.ts";

const on = ["redis"] as const;
const direction = "mixed workers";

export const ledger: readonly Behaviour[] = [
  {
    name: "ledger 1: an entry is the very envelope, with no exchange and its queue",
    direction,
    on,
    async run(stage) {
      const { queue, raw, sent, gate } = await held(stage);
      const [entry] = await entriesOf(stage, queue);
      assert.equal(entry?.value, `[${raw},"","${queue}"]`);
      // Read as kombu reads it; what it cannot read would end every Python worker at its start.
      const read = "import kombu.utils.json as kj; m, e, r = kj.loads(given); [m['headers']['id'], e, r]";
      assert.deepEqual(await stage.python.run(read, entry?.value), [sent, "", queue]);
      await stage.pythonWorker(stage.fresh("other"), {}, "-P", "solo");
      stage.open(gate);
      assert.equal(await stage.app.result(sent).get({ timeout: patience }), "typescript");
    },
  },
  {
    name: "ledger 2: two copies with one delivery tag are two entries",
    direction,
    on,
    async run(stage) {
      const queues = [stage.fresh("copy"), stage.fresh("copy")];
      const [path, gate] = [stage.file(), stage.file()];
      // As an exchange of topics copies it: the tag, kombu's name for the entry, is the same in both.
      await stage.python.run("call = send('both.hold', (given[1], given[2]), queue=given[0]); None", [
        queues[0],
        path,
        gate,
      ]);
      const raw = await stage.redis.cli("LINDEX", queues[0] ?? "", "0");
      await stage.redis.cli("LPUSH", queues[1] ?? "", raw);
      const app = stage.use(stage.newApp());
      stage.use(await stage.work(app, queues));
      await stage.until("both runs", () => runsIn(stage, path).length === 2);
      for (const queue of queues) assert.equal((await entriesOf(stage, queue)).length, 1);
      stage.open(gate);
      await stage.until(
        "both ends",
        async () => (await Promise.all(queues.map((queue) => entriesOf(stage, queue)))).flat().length === 0,
      );
    },
  },
  {
    name: "ledger 3, 5: every entry stands in both keys, at the server's time and never before it",
    direction,
    on,
    async run(stage) {
      const { queue, gate, sent, since } = await held(stage);
      const [entry] = await entriesOf(stage, queue);
      const score = Number(await stage.redis.cli("ZSCORE", "unacked_index", entry?.field ?? ""));
      assert.ok(
        score >= since - 1 && score <= (await serverTime(stage)) + 1,
        `${String(score)} after ${String(since)}`,
      );
      stage.open(gate);
      await stage.app.result(sent).get({ timeout: patience });
      await stage.until("its end", async () => (await entriesOf(stage, queue)).length === 0);
      assert.equal(await stage.redis.cli("ZSCORE", "unacked_index", entry?.field ?? ""), "");
    },
  },
  {
    name: "ledger 4: what runs longer than Python's visibility timeout is not given to another",
    direction,
    on,
    async run(stage) {
      const { queue, path, gate, sent } = await held(stage, "?pythonVisibilityTimeout=8");
      for (const end = performance.now() + 11_000; performance.now() < end; await sleep(250))
        await kombuSweep(stage, 8);
      assert.equal((await entriesOf(stage, queue)).length, 1);
      stage.open(gate);
      assert.equal(await stage.app.result(sent).get({ timeout: patience }), "typescript");
      assert.equal(runsIn(stage, path).length, 1);
    },
  },
  {
    name: "ledger 6: when no worker of ours is left, Python's sweep finds what was held and what was delayed",
    direction,
    on,
    async run(stage) {
      const [queue, path] = [stage.fresh("left"), stage.file()];
      const worker = await stage.process(queue);
      // Our worker puts it where its own kind finds it when it is due.
      const delayed = await stage.call("both.note", [path], { queue, delay: 1000 });
      await stage.until("the parking", async () => (await stage.redis.cli("ZCARD", `celeriac:due:${queue}`)) === "1");
      await worker.stop("SIGKILL");
      // Due after a second, in whole seconds rounded up, and then the visibility timeout.
      await sleep(3100);
      await stage.pythonWorker(queue, { broker_transport_options: { visibility_timeout: 1 } }, "-P", "solo");
      assert.equal(await delayed.get({ timeout: patience }), "python");
      assert.equal(runsIn(stage, path).length, 1);
    },
  },
  {
    name: "ledger 7: what our sweep puts back goes to its priority, marked as redelivered",
    direction,
    on,
    async run(stage) {
      const [queue, path, gate] = [stage.fresh("swept"), stage.file(), stage.file()];
      const first = await stage.process(queue, "-c", "1", "--lease", "5s");
      const sent = await stage.call("both.hold", [path, gate], { queue, priority: 6 });
      await stage.until("its start", () => runsIn(stage, path).length === 1);
      // A peer that sweeps and has no room itself.
      const busy = stage.file();
      await stage.process(queue, "-c", "1");
      const other = await stage.call("both.hold", [busy, gate], { queue });
      await stage.until("the other start", () => runsIn(stage, busy).length === 1);
      await first.stop("SIGKILL");
      const list = `${queue}\u0006\u00166`;
      await stage.until("its return", async () => (await stage.redis.cli("LLEN", list)) === "1");
      await stage.pythonServes(queue);
      await stage.until("its second start", () => runsIn(stage, path).length === 2);
      const second = runsIn(stage, path)[1];
      assert.deepEqual([second?.by, second?.redelivered], ["python", true]);
      stage.open(gate);
      assert.deepEqual(await Promise.all([sent, other].map((each) => each.get({ timeout: patience }))), [
        "python",
        "typescript",
      ]);
    },
  },
  {
    name: "ledger 8: whose entry was taken away stores nothing, and leaves no ghost",
    direction,
    on,
    async run(stage) {
      const [queue, path, gate] = [stage.fresh("stolen"), stage.file(), stage.file()];
      await stage.process(queue, "-c", "1", "--lease", "6s");
      const sent = await stage.call("both.hold", [path, gate], { queue });
      await stage.until("its start", () => runsIn(stage, path).length === 1);
      const [entry] = await entriesOf(stage, queue);
      await stage.pythonServes(queue);
      // From its answer on Python's worker waits for this queue, and ours has no room.
      await stage.answer("py.add", [1, 1], { queue });
      // Scores are whole seconds; a sweep that forgives none takes what has just been renewed.
      await kombuSweep(stage, -1);
      await stage.until("its second start", () => runsIn(stage, path).length === 2);
      // Longer than our renewals are apart.
      await sleep(2500);
      assert.equal(await stage.redis.cli("ZSCORE", "unacked_index", entry?.field ?? ""), "");
      stage.open(gate);
      assert.equal(await sent.get({ timeout: patience }), "python");
      assert.deepEqual(
        runsIn(stage, path).map(({ by, redelivered }) => [by, redelivered]),
        [
          ["typescript", false],
          ["python", true],
        ],
      );
    },
  },
  {
    name: "ledger 9: a sweep of Python's comes through while our workers are busy",
    direction,
    on,
    async run(stage) {
      const [queue, stale] = [stage.fresh("busy"), stage.fresh("stale")];
      // As a Python worker leaves them that died an hour ago.
      const leave = `
conn = kombu.Connection(app.conf.broker_url)
channel = conn.channel()
for n in range(5):
    send("both.note", (given[1], str(n)), queue=given[0])
    tag = channel.basic_get(given[0]).delivery_tag
    channel.client.zadd("unacked_index", {tag: 1000})
channel.qos._on_collect.cancel()`;
      await stage.python.run(leave, [stale, stage.file()]);
      await stage.redis.cli("CONFIG", "RESETSTAT");
      const tasks = 1000;
      const app = stage.use(stage.newApp());
      stage.use(await stage.work(app, [queue]));
      const add = app.remote<(x: number, y: number) => number>("ts.add", { queue });
      const sent = await add.enqueueMany(Array.from({ length: tasks }, (_, n) => [n, 1] as [number, number]));
      const begun = performance.now();
      await kombuSweep(stage, 3600);
      assert.equal(await stage.redis.cli("LLEN", stale), "5");
      assert.ok(performance.now() - begun < 60_000);
      await Promise.all(sent.map((each) => each.get({ timeout: patience })));
      // Each write to the hash makes such a sweep try again, so many tasks share one.
      const stats = await stage.redis.cli("INFO", "commandstats");
      const calls = (name: string): number => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
      assert.ok(calls("hdel") < tasks / 2, `${String(calls("hdel"))} writes for ${String(tasks)} tasks`);
    },
  },
  {
    name: "ledger 11: a worker killed while it waits takes nothing with it",
    direction,
    on,
    async run(stage) {
      const [queue, path] = [stage.fresh("idle"), stage.file()];
      const worker = await stage.process(queue, "--lease", "5s");
      await stage.pythonServes(queue);
      const ending = worker.stop("SIGKILL");
      const sent = await Promise.all(
        Array.from({ length: 20 }, (_, n) => stage.call("both.note", [path, String(n)], { queue })),
      );
      await ending;
      // What it got in its last moment is held in its name, until Python's visibility timeout.
      if ((await entriesOf(stage, queue)).length > 0) await stage.process(queue);
      await Promise.all(sent.map((each) => each.get({ timeout: patience })));
      const runs = runsIn(stage, path).map(({ id }) => id);
      assert.deepEqual([...new Set(runs)].sort(), sent.map(({ id }) => id).sort());
    },
  },
  {
    name: "ledger 12: a worker that stops gives back in order",
    direction,
    on,
    async run(stage) {
      const [queue, path, gate] = [stage.fresh("stopped"), stage.file(), stage.file()];
      const worker = await stage.process(queue, "-c", "3", "--grace", "0s");
      const sent = [];
      for (let n = 0; n < 5; n++) sent.push(await stage.call("both.hold", [path, gate], { queue }));
      await stage.until("three runs", () => runsIn(stage, path).length === 3);
      await worker.stop("SIGTERM");
      assert.equal((await entriesOf(stage, queue)).length, 0);
      stage.open(gate);
      await stage.pythonWorker(queue, {}, "-P", "solo");
      for (const each of sent) assert.equal(await each.get({ timeout: patience }), "python");
      assert.deepEqual(
        runsIn(stage, path)
          .slice(3)
          .map(({ id }) => id),
        sent.map(({ id }) => id),
      );
    },
  },
];

interface Held {
  readonly queue: string;
  readonly path: string;
  readonly gate: string;
  /** Its id. */
  readonly sent: string;
  /** As Python put it into its list. */
  readonly raw: string;
  /** The server's time before it was claimed, seconds. */
  readonly since: number;
}

/** A task of Python's that a worker of ours holds. */
async function held(stage: Stage, query = ""): Promise<Held> {
  const [queue, path, gate] = [stage.fresh("held"), stage.file(), stage.file()];
  const sent = String(
    await stage.python.run("call = send('both.hold', (given[1], given[2]), queue=given[0]); call.id", [
      queue,
      path,
      gate,
    ]),
  );
  const raw = await stage.redis.cli("LINDEX", queue, "0");
  const since = await serverTime(stage);
  stage.use(await stage.work(stage.use(stage.newApp({ broker: stage.redis.url + query })), [queue]));
  await stage.until("its start", () => runsIn(stage, path).length === 1);
  return { queue, path, gate, sent, raw, since };
}

/** What the ledger holds of this queue. */
async function entriesOf(
  stage: Stage,
  queue: string,
): Promise<readonly { readonly field: string; readonly value: string }[]> {
  const lines = (await stage.redis.cli("HGETALL", "unacked")).split("\n");
  const entries = lines.flatMap((field, at) => (at % 2 === 0 ? [{ field, value: lines[at + 1] ?? "" }] : []));
  return entries.filter(({ value }) => value.endsWith(`"${queue}"]`));
}

async function serverTime(stage: Stage): Promise<number> {
  return Number((await stage.redis.cli("TIME")).split("\n")[0]);
}
