/** Rows on remote control: Celery's own command line against our workers, ours against Python's, revokes and ends across the languages. */

import assert from "node:assert/strict";
import { celeriac, type Finished } from "../../server/command-line.ts";
import { coreOf } from "../../../src/app/app.ts";
import { ask } from "../../../src/control/ask.ts";
import { systemClock, type WorkerHandle, type WorkOptions } from "../../../src/index.ts";
import type { Behaviour, Servers } from "../behaviour.ts";
import { answersOf, celery } from "../celery-command.ts";
import type { PythonError } from "../python-process.ts";
import { patience, type Stage } from "../stage.ts";

/** A command line takes a second to start, and tells the same whatever becomes of results. */
const asked: readonly Servers[] = ["redis", "rabbitmq"];
const never = new AbortController().signal;

/** A worker of ours for this row only. */
async function workerOf(stage: Stage, options: WorkOptions = {}): Promise<WorkerHandle & { readonly queue: string }> {
  const queue = stage.fresh("control");
  const app = stage.use(stage.newApp());
  return Object.assign(await stage.work(app, [queue], { name: `${queue}@ts`, ...options }), { queue });
}

/** Our command line, on the servers of the stage. */
function ours(stage: Stage, ...args: readonly string[]): Promise<Finished> {
  return celeriac(args, { CELERIAC_BROKER: stage.broker, CELERIAC_RESULTS: stage.results });
}

async function ourAnswer(stage: Stage, node: string, ...args: readonly string[]): Promise<unknown> {
  const told = await ours(stage, ...args, "-d", node, "-t", "60s", "--json");
  assert.equal(told.stderr, "", args.join(" "));
  return (JSON.parse(told.stdout) as Record<string, unknown>)[node];
}

/** Commands with the answers that they are to have. */
async function tell(
  stage: Stage,
  node: string,
  table: readonly (readonly [words: readonly string[], wanted: unknown])[],
): Promise<void> {
  const told = await answersOf(
    stage,
    node,
    table.map(([words]) => ["control", ...words] as const),
  );
  for (const [index, [words, wanted]] of table.entries()) {
    if (wanted instanceof RegExp) assert.match(JSON.stringify(told[index]), wanted, words.join(" "));
    else assert.deepEqual(told[index], wanted, words.join(" "));
  }
}

export const control: readonly Behaviour[] = [
  {
    name: "control: celery inspect, every command",
    direction: "Python → TypeScript",
    on: asked,
    async run(stage) {
      const { id, queue } = await workerOf(stage, { concurrency: 1 });
      const gate = stage.file();
      const running = String(
        await stage.python.run("send('ts.progress', (given[0],), queue=given[1]).id", [gate, queue]),
      );
      await stage.until(
        "it runs",
        async () => (await stage.app.result(running).state()) !== "PENDING" || stage.place.servers === "rabbitmq",
      );
      const commands =
        "active active_queues clock conf memdump memsample ping registered report reserved revoked scheduled stats";
      const names = commands.split(" ");
      const told = await answersOf(stage, id, [
        ...names.map((name) => ["inspect", name] as const),
        ["inspect", "query_task", running],
      ]);
      const answers = new Map(names.map((name, index) => [name, told[index]]));
      assert.deepEqual(answers.get("ping"), { ok: "pong" });
      const [active] = answers.get("active") as readonly Record<string, unknown>[];
      assert.deepEqual(
        [active?.["id"], active?.["name"], active?.["args"], active?.["hostname"]],
        [running, "ts.progress", [gate], id],
      );
      assert.deepEqual(
        (answers.get("active_queues") as readonly Record<string, unknown>[]).map(({ name }) => name),
        [queue],
      );
      assert.equal(typeof (answers.get("clock") as Record<string, unknown>)["clock"], "number");
      assert.ok((answers.get("registered") as readonly string[]).includes("ts.add"));
      assert.match(JSON.stringify(answers.get("report")), /celeriac:/);
      const stats = answers.get("stats") as Record<string, Record<string, unknown>>;
      assert.equal(stats["pool"]?.["max-concurrency"], 1);
      assert.deepEqual(Object.keys(stats["total"] ?? {}), ["ts.progress"]);
      for (const name of ["reserved", "scheduled"]) assert.deepEqual(answers.get(name), [], name);
      assert.ok(Array.isArray(answers.get("revoked")));
      const state = told.at(-1) as Record<string, readonly unknown[]>;
      assert.equal(state[running]?.[0], "active");
      stage.open(gate);
      assert.match((await celery(stage, "status", "-d", id, "-t", "60")).stdout, /OK[^]*1 node online/);
    },
  },
  {
    name: "control: celery control, every command",
    direction: "Python → TypeScript",
    on: asked,
    async run(stage) {
      const worker = await workerOf(stage);
      const { id } = worker;
      const more = stage.fresh("more");
      // Whether events are enabled depends on who listens just now.
      await tell(stage, id, [
        [["disable_events"], /"task events (?:already )?disabled"/],
        [["enable_events"], /"task events (?:already )?enabled"/],
        [["pool_grow", "2"], { ok: "pool will grow" }],
        [["add_consumer", more], { ok: `add consumer ${more}` }],
        [["time_limit", "ts.soft", "0.2", "20"], { ok: "time limits set successfully" }],
      ]);
      assert.deepEqual([worker.stats().concurrency, worker.stats().queues], [10, [worker.queue, more]]);
      assert.equal(await stage.python.run("send('ts.add', (1, 2), queue=given).get(timeout=100)", more), 3);
      // The new limit counts at once.
      const soft = await stage.python.run("send('ts.soft', queue=given).get(timeout=100)", worker.queue);
      assert.equal(soft, "SOFT_TIME_LIMIT");
      await tell(stage, id, [
        [["disable_events"], /"task events (?:already )?disabled"/],
        [["pool_shrink", "3"], { ok: "pool will shrink" }],
        [["pool_restart"], { ok: "reload started" }],
        [["cancel_consumer", more], { ok: `no longer consuming from ${more}` }],
        [["rate_limit", "ts.add", "600/m"], { ok: "new rate limit set successfully" }],
        [["rate_limit", "ts.add", "abc"], /Invalid rate limit string: ValueError/],
        [["rate_limit", "nope", "1/s"], { error: "unknown task" }],
        [["autoscale", "5", "1"], { error: "ValueError('Autoscale not enabled')" }],
        [["heartbeat"], null],
        [["revoke", "one"], { ok: "tasks {'one'} flagged as revoked" }],
        [["terminate", "SIGKILL", "two"], { ok: "terminate: tasks unknown" }],
      ]);
      assert.deepEqual([worker.stats().concurrency, worker.stats().queues], [7, [worker.queue]]);
      const [known] = (await answersOf(stage, id, [["inspect", "revoked"]])) as readonly (readonly string[])[];
      assert.ok(known?.includes("one") && known.includes("two"));
    },
  },
  {
    name: "control: a client's calls, with their errors",
    direction: "Python → TypeScript",
    async run(stage) {
      const { id } = await workerOf(stage);
      const told = (code: string): Promise<unknown> =>
        stage.python.run(
          `app.control.${code.replace(")", `${code.includes("()") ? "" : ", "}destination=[given], reply=True, timeout=60)`)}`,
          id,
        );
      assert.deepEqual(await told("broadcast('nosuch')"), [{ [id]: { error: "KeyError('nosuch')" } }]);
      assert.deepEqual(await told("broadcast('rate_limit', arguments={})"), [
        {
          [id]: {
            error: `TypeError("rate_limit() missing 2 required positional arguments: 'task_name' and 'rate_limit'")`,
          },
        },
      ]);
      const hello = "app.control.inspect([given], timeout=60).hello('x@y', revoked={'r': 1795224339.5})";
      const said = (await stage.python.run(hello, id)) as Record<string, { readonly revoked: Record<string, unknown> }>;
      assert.deepEqual(said[id]?.revoked["r"], [1_795_224_339.5, "r"]);
      const pattern =
        "app.control.broadcast('ping', pattern=given.replace('@ts', '@*'), matcher='glob', reply=True, timeout=60, limit=1)";
      assert.deepEqual(await stage.python.run(pattern, id), [{ [id]: { ok: "pong" } }]);
    },
  },
  {
    name: "control: our command line, against workers of both kinds",
    direction: "TypeScript → Python",
    on: asked,
    async run(stage) {
      const node = stage.pythonNode;
      const { id } = await workerOf(stage);
      const more = stage.fresh("more");
      const [ping, registered, queues] = await Promise.all([
        ourAnswer(stage, node, "inspect", "ping"),
        ourAnswer(stage, node, "inspect", "registered"),
        ourAnswer(stage, node, "inspect", "active-queues"),
      ]);
      assert.deepEqual(ping, { ok: "pong" });
      assert.ok((registered as readonly string[]).includes("py.add"));
      assert.ok((queues as readonly Record<string, unknown>[]).some(({ name }) => name === "py"));
      assert.deepEqual(await ourAnswer(stage, node, "control", "add_consumer", more), { ok: `add consumer ${more}` });
      assert.equal(await (await stage.call("py.add", [1, 2], { queue: more })).get({ timeout: patience }), 3);
      assert.deepEqual(
        await Promise.all([
          ourAnswer(stage, node, "control", "cancel_consumer", more),
          ourAnswer(stage, node, "control", "time_limit", "py.add", "60", "120"),
        ]),
        [{ ok: `no longer consuming from ${more}` }, { ok: "time limits set successfully" }],
      );
      const [status, workers] = await Promise.all([ours(stage, "status", "--json"), ours(stage, "workers", "--json")]);
      const { online } = JSON.parse(status.stdout) as { readonly online: readonly string[] };
      assert.ok(online.includes(node) && online.includes(id), status.stdout);
      const kinds = new Map(
        (JSON.parse(workers.stdout) as readonly Record<string, unknown>[]).map(({ name, kind }) => [name, kind]),
      );
      assert.deepEqual([kinds.get(node), kinds.get(id)], ["celery", "celeriac"]);
    },
  },
  {
    name: "control: our command line grows, limits and revokes",
    direction: "TypeScript → Python",
    on: asked,
    async run(stage) {
      const queue = stage.fresh("steered");
      const { node } = await stage.pythonWorker(queue, {}, "-P", "prefork", "--autoscale", "2,1");
      const gone = stage.fresh("gone");
      const told = [
        await ourAnswer(stage, node, "control", "autoscale", "4", "3"),
        await ourAnswer(stage, node, "control", "rate_limit", "py.add", "600/m"),
        await ourAnswer(stage, node, "control", "rate_limit", "py.add", "often"),
        await ourAnswer(stage, node, "control", "revoke", gone),
      ];
      assert.deepEqual(told.slice(0, 2), [
        { ok: "autoscale now max=4 min=3" },
        { ok: "new rate limit set successfully" },
      ]);
      assert.match(JSON.stringify(told[2]), /Invalid rate limit string/);
      assert.match(JSON.stringify(told[3]), /flagged as revoked/);
      const [stats, revoked] = await Promise.all([
        ourAnswer(stage, node, "inspect", "stats"),
        ourAnswer(stage, node, "inspect", "revoked"),
      ]);
      assert.equal((stats as Record<string, Record<string, unknown>>)["autoscaler"]?.["max"], 4);
      assert.ok((revoked as readonly string[]).includes(gone));
    },
  },
  {
    name: "revoke: with terminate, what runs ends",
    direction: "Python → TypeScript",
    async run(stage) {
      const gate = stage.file();
      await stage.python.run("running = send('ts.progress', (given,)); running.id", gate);
      const id = String(await stage.python.run("running.id"));
      const runs = async (): Promise<boolean> => {
        const { bus } = await coreOf(stage.app).connect();
        const question = {
          method: "query_task",
          arguments: { ids: [id] },
          destination: [stage.worker.id],
          timeout: 60_000,
        };
        return id in ((await ask(bus, question, systemClock, never)).get(stage.worker.id) as object);
      };
      await stage.until("it runs", runs);
      await stage.python.run("running.revoke(terminate=True)");
      // A Python worker of 5.6 that hears of it stores at once that it is revoked.
      await assert.rejects(stage.python.run("running.get(timeout=100)"), ({ type, text }: PythonError) => {
        assert.equal(type, "celery.exceptions.TaskRevokedError");
        return text === "terminated" || (stage.place.release.name === "5.6" && text === "revoked");
      });
      await stage.until("it has ended", async () => !(await runs()));
    },
  },
  {
    name: "revoke: with terminate, what runs ends",
    direction: "TypeScript → Python",
    async run(stage) {
      const path = stage.file();
      const queue = stage.fresh("ends");
      await stage.pythonWorker(queue, {}, "-P", "prefork", "-c", "1");
      const sent = await stage.call("py.begin_and_sleep", [path], { queue });
      await stage.until("it runs", () => stage.lines(path).length > 0);
      await sent.revoke({ terminate: true });
      await assert.rejects(sent.get({ timeout: patience }), { code: "TASK_REVOKED" });
    },
  },
  {
    name: "revoke: what waits for its time never runs",
    direction: "Python → TypeScript",
    async run(stage) {
      const path = stage.file();
      await stage.python.run("later = send('ts.note', given, countdown=5); later.revoke()", [path, "no"]);
      await assert.rejects(stage.python.run("later.get(timeout=100)"), {
        type: "celery.exceptions.TaskRevokedError",
        text: "revoked",
      });
      assert.deepEqual(stage.lines(path), []);
    },
  },
  {
    name: "revoke: what waits for its time never runs",
    direction: "TypeScript → Python",
    async run(stage) {
      const path = stage.file();
      const sent = await stage.call("py.note", [path, "no"], { delay: "5s" });
      await sent.revoke();
      await assert.rejects(sent.get({ timeout: patience }), { code: "TASK_REVOKED" });
      assert.deepEqual(stage.lines(path), []);
    },
  },
  {
    name: "revoke: a worker that comes later learns of it",
    direction: "Python → TypeScript",
    async run(stage) {
      const gone = stage.fresh("gone");
      await stage.python.run("app.control.revoke(given, reply=True, limit=1, timeout=60)", gone);
      const { id } = await workerOf(stage);
      await stage.until("it knows", async () => {
        const { bus } = await coreOf(stage.app).connect();
        const question = { method: "revoked", destination: [id], timeout: 60_000 };
        return ((await ask(bus, question, systemClock, never)).get(id) as readonly string[]).includes(gone);
      });
    },
  },
  {
    name: "shutdown: a worker that is told to ends",
    direction: "Python → TypeScript",
    async run(stage) {
      const worker = await stage.process(stage.fresh("ending"), "-n", `${stage.fresh("ending")}@ts`);
      const { worker: id } = await worker.line("worker.ready");
      await stage.python.run("app.control.shutdown(destination=[given])", id);
      assert.equal(await worker.exited, 0);
    },
  },
  {
    name: "shutdown: a worker that is told to ends",
    direction: "TypeScript → Python",
    on: asked,
    async run(stage) {
      const queue = stage.fresh("ending");
      const worker = await stage.pythonWorker(queue, {}, "-P", "solo");
      const told = await ours(stage, "control", "shutdown", "-d", worker.node, "--yes", "-t", "60s");
      assert.match(told.stdout, /told/);
      await worker.exited;
    },
  },
];
