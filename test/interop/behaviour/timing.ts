/** Rows on when a task runs: eta and countdown, expiry, priority, time limits. */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Behaviour } from "../behaviour.ts";
import { PythonClient } from "../python-process.ts";
import { patience, type Stage } from "../stage.ts";

interface PythonFacts {
  readonly id: string;
  readonly now: number;
  readonly eta: string | null;
  readonly expires: string | null;
  readonly timelimit: readonly [number | null, number | null];
  readonly priority: number | null;
}
/** Clocks of two processes of one machine, read in different units. */
const slack = 20;
/** In the order of the calls; 3, 4 and 5 share a step on Redis. */
const ranks = [9, 6, 3, 0, 4, 5];
const expired = { code: "TASK_REVOKED", reason: "expired" };

export const timing: readonly Behaviour[] = [
  {
    name: "countdown and eta",
    direction: "TypeScript → Python",
    async run(stage) {
      const begun = Date.now();
      const [delayed, due, past] = await Promise.all([
        stage.call<PythonFacts>("py.facts", [], { delay: 700 }),
        stage.call<PythonFacts>("py.facts", [], { eta: new Date(begun + 700) }),
        stage.call<PythonFacts>("py.facts", [], { eta: new Date(begun - 60_000) }),
      ]);
      // How soon is Python's affair: 5.2 looks after such calls when it next looks at its clock.
      await past.get({ timeout: patience });
      for (const sent of [delayed, due]) {
        const told = await sent.get({ timeout: patience });
        assert.ok(told.now * 1000 >= begun + 700 - slack, `ran ${String(told.now * 1000 - begun)} ms after the call`);
        assert.match(told.eta ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
      }
    },
  },
  {
    name: "countdown and eta",
    direction: "Python → TypeScript",
    async run({ python }) {
      await python.run(
        "import datetime, time\nbegun = time.time()\nnow = datetime.datetime.now(datetime.timezone.utc)",
      );
      await python.run(
        "calls = [send('ts.facts', countdown=0.7), send('ts.facts', eta=now + datetime.timedelta(seconds=0.7))," +
          " send('ts.facts', eta=now - datetime.timedelta(minutes=1))]",
      );
      const waits = "[round(call.get(timeout=100)['now'] - begun * 1000) for call in calls]";
      const [delayed = 0, due = 0, past = 0] = (await python.run(waits)) as number[];
      assert.ok(
        delayed >= 700 - slack && due >= 700 - slack,
        `ran ${String(delayed)} and ${String(due)} ms after the call`,
      );
      assert.ok(past < 30_000, `what was due ran after ${String(past)} ms`);
    },
  },
  {
    name: "expires: run in time, REVOKED after it",
    direction: "TypeScript → Python",
    async run(stage) {
      const inTime = await stage.answer<PythonFacts>("py.facts", [], { expires: "1m" });
      assert.match(inTime.expires ?? "", /\+00:00$/);
      const path = stage.file();
      const late = await stage.call("py.note", [path, "ran"], { delay: 600, expires: 200 });
      await assert.rejects(late.get({ timeout: patience }), expired);
      await bothSeeRevoked(stage, late.id);
      assert.deepEqual(stage.lines(path), []);
    },
  },
  {
    name: "expires: run in time, REVOKED after it",
    direction: "Python → TypeScript",
    async run(stage) {
      const { python } = stage;
      assert.equal(await python.run("send('ts.add', (1, 2), expires=60).get(timeout=100)"), 3);
      const path = stage.file();
      const id = String(
        await python.run("late = send('ts.note', (given, 'ran'), countdown=0.6, expires=0.2); late.id", path),
      );
      await assert.rejects(python.run("late.get(timeout=100)"), {
        type: "celery.exceptions.TaskRevokedError",
        text: "expired",
      });
      await bothSeeRevoked(stage, id);
      assert.deepEqual(stage.lines(path), []);
    },
  },
  {
    name: "expires: it waited too long in the queue",
    direction: "TypeScript → Python",
    async run(stage) {
      const [queue, path] = [stage.fresh("late"), stage.file()];
      // The first call makes the queue, where that is needed.
      await stage.call("py.note", [path, "first"], { queue });
      const late = await stage.call("py.note", [path, "late"], { queue, expires: 100 });
      await sleep(150); // it must expire before anybody looks
      await stage.pythonServes(queue);
      await stage.answer("py.note", [path, "last"], { queue });
      assert.deepEqual(stage.lines(path), ["first", "last"]);
      await assert.rejects(late.get({ timeout: patience }), expired);
      await bothSeeRevoked(stage, late.id);
    },
  },
  {
    name: "expires: it waited too long in the queue",
    direction: "Python → TypeScript",
    async run(stage) {
      const [queue, path] = [stage.fresh("late"), stage.file()];
      const note = "send('ts.note', (given[1], given[2]), queue=given[0]";
      await stage.python.run(`${note}); None`, [queue, path, "first"]);
      const id = String(await stage.python.run(`late = ${note}, expires=0.1); late.id`, [queue, path, "late"]));
      await sleep(150); // it must expire before anybody looks
      stage.use(await stage.work(stage.use(stage.newApp()), [queue]));
      await stage.python.run(`${note}).get(timeout=100)`, [queue, path, "last"]);
      assert.deepEqual(stage.lines(path), ["first", "last"]);
      // Python lets RabbitMQ drop it when its time is over, so that nobody hears of it again.
      if (stage.place.servers === "redis") await bothSeeRevoked(stage, id);
      else assert.equal(await stage.app.result(id).state(), "PENDING");
    },
  },
  {
    name: "priority: the lowest number first",
    direction: "TypeScript → Python",
    on: ["redis"],
    async run(stage) {
      const [queue, path] = [stage.fresh("ranked"), stage.file()];
      const sent = [];
      for (const priority of ranks) {
        sent.push(await stage.call("py.note", [path, String(priority)], { queue, priority }));
      }
      // One at a time, or two processes of a pool may write in either order.
      await stage.pythonWorker(queue, {}, "-P", "solo");
      for (const each of sent) await each.get({ timeout: patience });
      assert.deepEqual(stage.lines(path), ["0", "3", "4", "5", "6", "9"]);
    },
  },
  {
    name: "priority: the lowest number first",
    direction: "Python → TypeScript",
    on: ["redis"],
    async run(stage) {
      const [queue, path] = [stage.fresh("ranked"), stage.file()];
      await stage.python.run(
        "[send('ts.note', (given[1], str(p)), queue=given[0], priority=p) for p in given[2]]; None",
        [queue, path, ranks],
      );
      stage.use(await stage.work(stage.use(stage.newApp()), [queue], { concurrency: 1 }));
      await stage.until("the runs", () => stage.lines(path).length === ranks.length);
      assert.deepEqual(stage.lines(path), ["0", "3", "4", "5", "6", "9"]);
    },
  },
  {
    name: "priority: the highest number first",
    direction: "TypeScript → Python",
    on: ["rabbitmq"],
    async run(stage) {
      const [queue, path] = [stage.fresh("ranked"), stage.file()];
      const app = stage.use(stage.newApp({ broker: `${stage.broker}?maxPriority=10` }));
      const note = app.remote<(path: string, text: string) => string>("py.note", { queue });
      const sent = [];
      for (const priority of ranks) sent.push(await note.enqueue([path, String(priority)], { priority }));
      await stage.pythonWorker(queue, { task_queue_max_priority: 10 }, "-P", "solo");
      for (const each of sent) await each.get({ timeout: patience });
      assert.deepEqual(stage.lines(path), ["9", "6", "5", "4", "3", "0"]);
    },
  },
  {
    name: "priority: the highest number first",
    direction: "Python → TypeScript",
    on: ["rabbitmq"],
    async run(stage) {
      const [queue, path] = [stage.fresh("ranked"), stage.file()];
      const client = stage.use(await PythonClient.start(stage.setup({ task_queue_max_priority: 10 })));
      const call = "[send('ts.note', (given[1], str(p)), queue=given[0], priority=p) for p in given[2]]; None";
      await client.run(call, [queue, path, ranks]);
      const app = stage.use(stage.newApp({ broker: `${stage.broker}?maxPriority=10` }));
      stage.use(await stage.work(app, [queue], { concurrency: 1 }));
      await stage.until("the runs", () => stage.lines(path).length === ranks.length);
      assert.deepEqual(stage.lines(path), ["9", "6", "5", "4", "3", "0"]);
    },
  },
  {
    name: "soft time limit",
    direction: "TypeScript → Python",
    async run(stage) {
      assert.equal(await stage.answer("py.soft", [], { softTimeLimit: "2s" }), "tidied up");
      await assert.rejects(stage.answer("py.sleep", [30], { softTimeLimit: "300ms" }), {
        type: "SoftTimeLimitExceeded",
        module: "billiard.exceptions",
      });
    },
  },
  {
    name: "soft time limit",
    direction: "Python → TypeScript",
    async run({ python }) {
      assert.equal(await python.run("send('ts.soft', soft_time_limit=2).get(timeout=100)"), "SOFT_TIME_LIMIT");
      await assert.rejects(python.run("send('ts.sleep', (30,), soft_time_limit=0.3).get(timeout=100)"), {
        type: "billiard.exceptions.SoftTimeLimitExceeded",
      });
    },
  },
  {
    name: "hard time limit",
    direction: "TypeScript → Python",
    async run(stage) {
      const told = await stage.answer<PythonFacts>("py.facts", [], { timeLimit: "1h", softTimeLimit: "30m" });
      assert.deepEqual(told.timelimit, [3600, 1800]);
      // Numbers that older readers of AMQP's tables mistake if they are written in fewer than four bytes.
      for (const seconds of [100, 128, 200, 300, 600, 40_000]) {
        const { timelimit } = await stage.answer<PythonFacts>("py.facts", [], { timeLimit: seconds * 1000 });
        assert.deepEqual(timelimit, [seconds, null]);
      }
      await assert.rejects(stage.answer("py.sleep", [30], { timeLimit: "500ms" }), {
        type: "TimeLimitExceeded",
        module: "billiard.exceptions",
        args: [0.5],
      });
    },
  },
  {
    name: "hard time limit",
    direction: "Python → TypeScript",
    async run({ python }) {
      await assert.rejects(python.run("send('ts.sleep', (30,), time_limit=0.5).get(timeout=100)"), {
        type: "billiard.exceptions.TimeLimitExceeded",
        args: [0.5],
      });
    },
  },
];

async function bothSeeRevoked(stage: Stage, id: string): Promise<void> {
  if (stage.place.servers === "rpc") return;
  assert.equal(await stage.app.result(id).state(), "REVOKED");
  assert.equal(await stage.python.run("app.AsyncResult(given).state", id), "REVOKED");
}
