/** Rows on how a task ends and what is seen of it meanwhile: failures, retries, states, what is stored and for how long. */

import assert from "node:assert/strict";
import { decodeTaskMeta, type TaskMeta } from "../../../src/wire/outcome.ts";
import { TaskFailedError } from "../../../src/index.ts";
import type { Behaviour, Servers } from "../behaviour.ts";
import { patience, type Stage } from "../stage.ts";

interface Facts {
  readonly id: string;
  readonly retries: number;
  readonly parent_id: string | null;
  readonly root_id: string;
  readonly attempt: number;
  readonly lineage: { readonly root: string; readonly parent?: string };
}
/** Where results are kept and anybody may read them. */
const stored: readonly Servers[] = ["redis", "rabbitmq"];

export const outcomes: readonly Behaviour[] = [
  {
    name: "failures are exceptions",
    direction: "TypeScript → Python",
    async run(stage) {
      const failed = await stage.answer("py.fail", ["OutOfStock", "A-17", 3]).then(
        () => assert.fail("it succeeded"),
        (error: unknown) => error,
      );
      assert.ok(failed instanceof TaskFailedError);
      assert.deepEqual([failed.type, failed.module, failed.args], ["OutOfStock", "tasks", ["A-17", 3]]);
      assert.match(
        failed.traceback ?? "",
        /^Traceback \(most recent call last\):\n[^]*tasks\.py", line \d+, in fail\n/,
      );
      const cause = failed.cause as Error;
      assert.deepEqual([cause.name, cause.message, cause.stack], ["OutOfStock", "A-17, 3", failed.traceback]);
      await assert.rejects(stage.answer("py.fail", ["ValueError", "böse"]), {
        type: "ValueError",
        module: "builtins",
        args: ["böse"],
      });
      await assert.rejects(stage.answer("py.fail", ["KeyError", "k"]), { type: "KeyError", args: ["k"] });
    },
  },
  {
    name: "failures are exceptions",
    direction: "Python → TypeScript",
    async run({ python }) {
      const call = "send('ts.fail', tuple(given)).get(timeout=100)";
      const own = python.run(call, ["ValueError", "boom", 7]);
      await assert.rejects(own, { type: "builtins.ValueError", args: ["boom", 7] });
      await assert.rejects(python.run(call, ["TypeError", "not that"]), {
        type: "builtins.TypeError",
        text: "not that",
      });
      // A class of a module that is loaded there is that class; another is made with its name. Both are exceptions.
      await python.run(
        "try:\n  send('ts.fail', ('tasks.OutOfStock', 'A-17', 3)).get(timeout=100)\nexcept tasks.OutOfStock as e:\n  caught = e.args",
      );
      assert.deepEqual(await python.run("caught"), ["A-17", 3]);
      const error = python.run(call, ["Error", "plain"]);
      await assert.rejects(error, ({ type, bases, text }: { type: string; bases: string[]; text: string }) => {
        assert.ok(type.endsWith(".Error") && bases.includes("builtins.Exception"), type);
        return text === "plain";
      });
      const unknown = python.run(call, ["shop.errors.SoldOut", "x"]);
      await assert.rejects(unknown, { type: "celery.exceptions.SoldOut", args: ["x"] });
      const traceback =
        "call = send('ts.fail', ('Error', 'plain')); call.get(timeout=100, propagate=False); call.traceback";
      assert.match(String(await python.run(traceback)), /Error: plain\n\s+at .*tasks\.ts/);
    },
  },
  {
    name: "retries: same id, one more each time, a root is its own parent",
    direction: "TypeScript → Python",
    async run(stage) {
      const path = stage.file();
      const sent = await stage.call<Facts>("py.retry", [2, 0, path]);
      const { id, retries, parent_id, root_id } = await sent.get({ timeout: patience });
      assert.deepEqual(
        { id, retries, parent_id, root_id },
        { id: sent.id, retries: 2, parent_id: sent.id, root_id: sent.id },
      );
      const runs = stage.lines(path).map((line) => JSON.parse(line) as Facts);
      assert.deepEqual(
        runs.map((run) => [run.id, run.retries, run.parent_id]),
        [
          [id, 0, null],
          [id, 1, id],
          [id, 2, id],
        ],
      );
      await assert.rejects(stage.answer("py.exhaust"), { type: "OutOfStock", module: "tasks", args: ["A-17", 3] });
    },
  },
  {
    name: "retries: same id, one more each time, a root is its own parent",
    direction: "Python → TypeScript",
    async run({ python }) {
      const told = (await python.run("call = send('ts.retry', (2, 0.2)); call.get(timeout=100)")) as Facts;
      const id = await python.run("call.id");
      assert.deepEqual([told.id, told.attempt, told.lineage], [id, 3, { root: id, parent: id }]);
      await assert.rejects(python.run("send('ts.exhaust').get(timeout=100)"), {
        type: "builtins.ValueError",
        args: ["A-17", 3],
      });
    },
  },
  {
    name: "retries: the state RETRY holds the exception",
    direction: "TypeScript → Python",
    async run(stage) {
      const sent = await stage.call("py.retry", [1, 4]);
      const states: string[] = [];
      for await (const { state } of sent.watch(AbortSignal.timeout(100_000))) {
        states.push(state);
        if (state === "RETRY" && stage.place.servers !== "rpc") {
          const { result, traceback } = await metaOf(stage, sent.id);
          assert.deepEqual(result, { exc_type: "ValueError", exc_message: ["not yet"], exc_module: "builtins" });
          assert.match(traceback ?? "", /Retry|ValueError/);
        }
      }
      assert.deepEqual(states, ["RETRY", "SUCCESS"]);
    },
  },
  {
    name: "retries: the state RETRY holds the exception",
    direction: "Python → TypeScript",
    on: stored,
    async run(stage) {
      const { python } = stage;
      await python.run("call = send('ts.retry', (1, 4)); None");
      await stage.until("the state RETRY", async () => (await python.run("call.state")) === "RETRY");
      assert.equal(await python.run("repr(call.info)"), "ValueError('not yet')");
      assert.equal(await python.run("call.get(timeout=100)['attempt']"), 2);
    },
  },
  {
    name: "retries: what follows the task stays with it",
    direction: "TypeScript → Python",
    async run(stage) {
      const path = stage.file();
      const note = stage.app.remote<(text: unknown, path: string) => unknown>("ts.echo", { queue: "ts" });
      const sent = await stage.call("py.retry", [1], { link: note.s(path) });
      await sent.get({ timeout: patience });
      const children = (await metaOf(stage, sent.id)).children ?? [];
      assert.equal(children.length, 1);
      const echoed = await stage.app.result(children[0]?.[0][0] ?? "").get({ timeout: patience });
      assert.deepEqual((echoed as { args: [Facts, string] }).args[0].retries, 1);
    },
    on: stored,
  },
  {
    name: "retries: what follows the task stays with it",
    direction: "Python → TypeScript",
    on: stored,
    async run({ python }) {
      await python.run(
        "link = app.signature('py.echo', args=('second',), queue='py'); call = send('ts.retry', (1,), link=link)",
      );
      assert.equal(await python.run("call.get(timeout=100)['attempt']"), 2);
      assert.equal(await python.run("len(call.children)"), 1);
      const echoed = await python.run("call.children[0].get(timeout=100)['args']");
      assert.deepEqual((echoed as [Facts, string])[0].attempt, 2);
      assert.equal((echoed as [Facts, string])[1], "second");
    },
  },
  {
    name: "progress and states of one's own",
    direction: "TypeScript → Python",
    async run(stage) {
      for (const state of ["PROGRESS", "COOKING"]) {
        const gate = stage.file();
        const sent = await stage.call("py.progress", [gate, state]);
        const seen: unknown[] = [];
        for await (const { state, progress } of sent.watch(AbortSignal.timeout(100_000))) {
          seen.push([state, progress]);
          stage.open(gate);
        }
        assert.deepEqual(seen, [
          [state, { done: 1, total: 3, note: "one" }],
          ["SUCCESS", undefined],
        ]);
      }
    },
  },
  {
    name: "progress and states of one's own",
    direction: "Python → TypeScript",
    async run(stage) {
      assert.deepEqual(await seen(stage, "ts.progress"), [
        ["PROGRESS", { current: 1, total: 3, note: "one" }],
        ["SUCCESS", "done"],
      ]);
      assert.deepEqual(await seen(stage, "ts.state"), [
        ["COOKING", { pots: 2 }],
        ["SUCCESS", "done"],
      ]);
    },
  },
  {
    name: "STARTED, where a task asks for it",
    direction: "TypeScript → Python",
    async run(stage) {
      const gate = stage.file();
      const sent = await stage.call("py.started", [gate]);
      await stage.until("the state STARTED", async () => (await sent.state()) === "STARTED");
      stage.open(gate);
      assert.equal(await sent.get({ timeout: patience }), "done");
    },
  },
  {
    name: "STARTED, where a task asks for it",
    direction: "Python → TypeScript",
    async run(stage) {
      const [[state, meta] = [], ...rest] = await seen(stage, "ts.started");
      assert.deepEqual(
        [state, typeof (meta as { pid: unknown }).pid, rest],
        ["STARTED", "number", [["SUCCESS", "done"]]],
      );
    },
  },
  {
    name: "ignore_result stores nothing",
    direction: "TypeScript → Python",
    async run(stage) {
      const path = stage.file();
      const sent = await stage.call("py.note", [path, "ran"], { ignoreResult: true });
      await stage.until("its run", () => stage.lines(path).length === 1);
      // Served by the same worker after it.
      await stage.answer("py.add", [1, 1]);
      assert.equal(await sent.state(), "PENDING");
    },
  },
  {
    name: "ignore_result stores nothing",
    direction: "Python → TypeScript",
    async run(stage) {
      const { python } = stage;
      const path = stage.file();
      await python.run("call = send('ts.note', (given, 'ran'), ignore_result=True); None", path);
      await stage.until("its run", () => stage.lines(path).length === 1);
      await python.run("send('ts.add', (1, 1)).get(timeout=100)");
      assert.equal(await python.run("call.state"), "PENDING");
    },
  },
  {
    name: "revoke: seen as REVOKED",
    direction: "TypeScript → Python",
    on: stored,
    async run(stage) {
      const { python } = stage;
      // Python's worker holds it in memory until it is due.
      const held = await python.run("call = send('py.add', (1, 2), queue='py', countdown=2.5); call.id");
      const delayed = stage.app.result(String(held));
      await stage.until("its arrival", async () =>
        JSON.stringify(
          await python.run("app.control.inspect([given], timeout=60).scheduled()", stage.pythonNode),
        ).includes(delayed.id),
      );
      const told = [delayed.id, stage.pythonNode];
      await python.run("app.control.revoke(given[0], destination=[given[1]], reply=True, timeout=60)", told);
      await assert.rejects(delayed.get({ timeout: patience }), { code: "TASK_REVOKED", reason: "revoked" });
      const running = await stage.call("py.sleep", [30]);
      await stage.until("its start", async () =>
        JSON.stringify(
          await python.run("app.control.inspect([given], timeout=60).active()", stage.pythonNode),
        ).includes(running.id),
      );
      await python.run(
        "app.control.revoke(given[0], destination=[given[1]], terminate=True, signal='SIGKILL', reply=True, timeout=60)",
        [running.id, stage.pythonNode],
      );
      await assert.rejects(running.get({ timeout: patience }), { code: "TASK_REVOKED", reason: "terminated" });
      assert.equal(await python.run("app.AsyncResult(given).state", running.id), "REVOKED");
    },
  },
  {
    name: "reject: what each side makes of it",
    direction: "TypeScript → Python",
    async run(stage) {
      const sent = await stage.call("py.reject");
      await stage.answer("py.add", [1, 1]);
      assert.equal(await sent.state(), "PENDING"); // Celery stores nothing
    },
  },
  {
    name: "reject: what each side makes of it",
    direction: "Python → TypeScript",
    async run({ python }) {
      await assert.rejects(python.run("send('ts.reject').get(timeout=100)"), {
        type: "celery.exceptions.Reject",
        args: ["no thanks", false],
      });
    },
  },
  {
    name: "a task of one side sends one of the other",
    direction: "TypeScript → Python",
    on: stored,
    async run(stage) {
      const sent = await stage.call<string>("py.child");
      const child = await sent.get({ timeout: patience });
      const told = (await stage.app.result(child).get({ timeout: patience })) as Facts;
      assert.deepEqual(told.lineage, { root: sent.id, parent: sent.id });
      assert.deepEqual((await metaOf(stage, sent.id)).children, [[[child, null], null]]);
    },
  },
  {
    name: "a task of one side sends one of the other",
    direction: "Python → TypeScript",
    on: stored,
    async run({ python }) {
      await python.run(
        "call = send('ts.child'); child = app.AsyncResult(call.get(timeout=100)); told = child.get(timeout=100)",
      );
      assert.equal(await python.run("[c.id for c in call.children] == [child.id]"), true);
      assert.equal(await python.run("told['root_id'] == told['parent_id'] == call.id"), true);
    },
  },
  {
    name: "result_extended",
    direction: "TypeScript → Python",
    on: stored,
    async run(stage) {
      const queue = stage.fresh("extended");
      await stage.pythonWorker(queue, { result_extended: true }, "-P", "solo");
      const sent = await stage.call("py.add", [2, 3], { queue });
      assert.equal(await sent.get({ timeout: patience }), 5);
      const { name, args, kwargs, worker, retries, queue: from } = (await sent.details()) ?? {};
      assert.deepEqual([name, args, { ...kwargs }, retries, from], ["py.add", [2, 3], {}, 0, queue]);
      assert.match(worker ?? "", /^py/);
    },
  },
  {
    name: "result_extended",
    direction: "Python → TypeScript",
    on: stored,
    async run(stage) {
      const { python } = stage;
      const queue = stage.fresh("extended");
      stage.use(await stage.work(stage.use(stage.newApp({ resultExtended: true })), [queue]));
      await python.run("call = send('ts.add', (2,), {'y': 3}, queue=given); call.get(timeout=100)", queue);
      const told = await python.run("[call.name, call.args, call.kwargs, call.retries, call.queue]");
      assert.deepEqual(told, ["ts.add", [2], { y: 3 }, 0, queue]);
      assert.match(String(await python.run("call.worker")), /./);
    },
  },
  {
    name: "result_expires",
    direction: "TypeScript → Python",
    on: stored,
    async run(stage) {
      const sent = await stage.call("py.add", [2, 3]);
      await sent.get({ timeout: patience });
      // 600 seconds are what the workers of the suite are told.
      assert.ok((await ttl(stage, sent.id)) > 500);
      await sent.forget();
      assert.equal(await stage.python.run("app.AsyncResult(given).state", sent.id), "PENDING");
    },
  },
  {
    name: "result_expires",
    direction: "Python → TypeScript",
    on: stored,
    async run(stage) {
      const id = String(await stage.python.run("call = send('ts.add', (1, 2)); call.get(timeout=100); call.id"));
      const left = await ttl(stage, id);
      assert.ok(left > 500 && left <= 600, String(left));
      await stage.python.run("call.forget()");
      assert.equal(await stage.app.result(id).state(), "PENDING");
    },
  },
  {
    name: "date_done, traceback and children as Celery reads them",
    direction: "Python → TypeScript",
    on: stored,
    async run({ python }) {
      await python.run(
        "import datetime, time\ncall = send('ts.add', (1, 2)); call.get(timeout=100); at = call.date_done",
      );
      const age = Number(
        await python.run(
          "(datetime.datetime.now(datetime.timezone.utc) - (at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc))).total_seconds()",
        ),
      );
      assert.ok(age > -1 && age < 20, String(age));
      assert.deepEqual(await python.run("[call.traceback, call.children, call.successful(), call.ready()]"), [
        null,
        [],
        true,
        true,
      ]);
    },
  },
];

/** States that Python's client hears of while it waits; the first of them opens the task's gate. */
async function seen(stage: Stage, task: string): Promise<readonly (readonly unknown[])[]> {
  const code = `
heard = []
call = send(given[0], (given[1],))
def hear(meta):
    told = [meta["status"], meta["result"]]
    # What was there when the wait began may be told once more; and of other calls is told what nobody waited for.
    if meta["task_id"] == call.id and told not in heard:
        heard.append(told)
        open(given[1], "w").close()
call.get(timeout=100, on_message=hear)
heard`;
  return (await stage.python.run(code, [task, stage.file()])) as unknown[][];
}

async function metaOf(stage: Stage, id: string): Promise<TaskMeta> {
  return decodeTaskMeta(Buffer.from(await stage.redis.cli("GET", `celery-task-meta-${id}`)));
}

async function ttl(stage: Stage, id: string): Promise<number> {
  return Number(await stage.redis.cli("TTL", `celery-task-meta-${id}`));
}
