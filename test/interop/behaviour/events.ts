/** Rows about events: Celery's monitors understand what our workers tell, and we what Python's tell. */

import assert from "node:assert/strict";
import type { CeleryEvent } from "../../../src/index.ts";
import { ClusterState } from "../../../src/event/cluster-state.ts";
import { WorkerProcess } from "../../server/command-line.ts";
import type { Behaviour } from "../behaviour.ts";
import { patience, type Stage } from "../stage.ts";

/** Celery's own `State` in the client, fed until its row ends. */
const capture = `
import threading
heard, state = [], app.events.State()
def hear(event):
    heard.append(event)
    # The id of an election is none that State could keep: its workers have another.
    if not event["type"].startswith("worker-elect"): state.event(event)
receiver = app.events.Receiver(app.connection_for_read(), handlers={"*": hear})
listening = threading.Thread(target=lambda: receiver.capture(limit=None, timeout=None), daemon=True)
listening.start()
`;
const tasksSeen = `
import time
for _ in range(2000):
    if all(id in state.tasks and state.tasks[id].ready for id in given): break
    time.sleep(0.05)
{id: {name: getattr(state.tasks.get(id), name, None) for name in ("name", "state", "args", "kwargs", "result", "exception", "runtime", "retries", "root_id")} for id in given}
`;

interface Seen {
  readonly name: string;
  readonly state: string;
  readonly args: string;
  readonly kwargs: string;
  readonly result: string | null;
  readonly exception: string | null;
  readonly runtime: number | null;
}

/** A worker of ours that always tells, and Python listening. */
async function monitored(stage: Stage): Promise<string> {
  const queue = stage.fresh("told");
  await stage.python.run(capture);
  stage.use({ [Symbol.asyncDispose]: () => stage.python.run("receiver.should_stop = True").then(() => {}) });
  await stage.process(queue, "-E", "-n", `${queue}@ts`);
  return queue;
}

export const events: readonly Behaviour[] = [
  {
    name: "events: Celery's State follows tasks from received to their end",
    direction: "Python → TypeScript",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const queue = await monitored(stage);
      const calls = `
calls = [send("ts.add", (1, 2), queue=given), send("ts.fail", ("ValueError", "boom"), queue=given), send("ts.echo", (), {"who": "me"}, queue=given)]
[call.id for call in calls]`;
      const ids = (await stage.python.run(calls, queue)) as [string, string, string];
      const seen = (await stage.python.run(tasksSeen, ids)) as Record<string, Seen>;
      const [add, fail, echo] = ids.map((id) => seen[id]);
      assert.deepEqual(
        { ...add, runtime: null },
        {
          name: "ts.add",
          state: "SUCCESS",
          args: "(1, 2)",
          kwargs: "{}",
          result: "3",
          exception: null,
          runtime: null,
          retries: 0,
          root_id: ids[0],
        },
      );
      assert.equal(typeof add?.runtime, "number");
      assert.equal(fail?.state, "FAILURE");
      assert.equal(fail.exception, "ValueError('boom')");
      assert.equal(echo?.kwargs, "{'who': 'me'}");
      assert.equal(echo.result, "{'args': [], 'kwargs': {'who': 'me'}}");
    },
  },
  {
    name: "events: Celery's State sees a worker come, beat and go",
    direction: "Python → TypeScript",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const queue = stage.fresh("told");
      await stage.python.run(capture);
      stage.use({ [Symbol.asyncDispose]: () => stage.python.run("receiver.should_stop = True").then(() => {}) });
      const worker = await stage.process(queue, "-n", `${queue}@ts`);
      const facts = `
for _ in range(2000):
    worker = state.workers.get(given)
    if worker and worker.alive and sum(event["type"] == "worker-heartbeat" and event["hostname"] == given for event in heard) > 0: break
    time.sleep(0.05)
[worker.alive, worker.sw_ident, worker.freq, worker.active, len(worker.loadavg), [event["type"] for event in heard if event["hostname"] == given][0]]`;
      const seen = await stage.python.run(`import time${facts}`, `${queue}@ts`);
      assert.deepEqual(seen, [true, "celeriac", 2, 0, 3, "worker-online"]);
      await worker.stop();
      const gone = `
for _ in range(2000):
    if not state.workers[given].alive: break
    time.sleep(0.05)
[state.workers[given].alive, [event["type"] for event in heard if event["hostname"] == given][-1]]`;
      assert.deepEqual(await stage.python.run(gone, `${queue}@ts`), [false, "worker-offline"]);
    },
  },
  {
    name: "events: `celery events --dump` prints them",
    direction: "Python → TypeScript",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const queue = stage.fresh("told");
      await stage.process(queue, "-E", "-n", `${queue}@ts`);
      const code = `
import subprocess, sys
dump = subprocess.Popen([sys.executable, "-m", "celery", "-A", "tasks", "events", "--dump"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
lines = []
def read(*wanted):
    while not all(word in (lines[-1] if lines else "") for word in wanted):
        line = dump.stdout.readline()
        if not line: raise RuntimeError("".join(lines))
        lines.append(line)
try:
    read(given + "@ts", "heartbeat")
    call = send("ts.add", (20, 22), queue=given)
    read(call.id, "succeeded")
finally:
    dump.kill()
    dump.wait()
[line for line in lines if call.id in line]`;
      const lines = (await stage.python.run(code, queue)) as string[];
      assert.equal(lines.length, 3);
      assert.match(lines[0] ?? "", /received: ts\.add\(/);
      assert.match(lines[1] ?? "", /started/);
      assert.match(lines[2] ?? "", /succeeded.*result=42|succeeded.*42/s);
    },
  },
  {
    name: "events: an election is answered",
    direction: "mixed workers",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const queue = await monitored(stage);
      const code = `
import time
elector = app.events.Dispatcher(app.connection_for_write(), hostname="py@elector")
elector.send("worker-elect", id=given[0], topic="task", action={}, cver=1)
def answers(): return [event for event in list(heard) if event["type"] == "worker-elect-ack" and event["id"] == given[0] and event["hostname"] == given[1]]
for _ in range(2000):
    if answers(): break
    time.sleep(0.05)
[len(answers()), answers()[0]["clock"] > 0]`;
      assert.deepEqual(await stage.python.run(code, [queue, `${queue}@ts`]), [1, true]);
    },
  },
  {
    name: "events: app.events hears Python's workers and asks them to tell",
    direction: "TypeScript → Python",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const queue = stage.fresh("heard");
      await stage.pythonWorker(queue, {}, "--sociable", "-P", "solo");
      // Ready, it may not hear broadcasts yet.
      const answers = "any(given in node for reply in app.control.ping(timeout=0.5) for node in reply)";
      await stage.until("its ear", async () => (await stage.python.run(answers, queue)) === true);
      const state = new ClusterState();
      const heard: CeleryEvent[] = [];
      const listening = await stage.app.events(
        (batch) => {
          heard.push(...batch.events);
          state.miss(batch.missed);
          state.apply(batch.events, Date.now());
        },
        { enable: true },
      );
      stage.use(listening);
      // Their answer to our broadcast: from then on they tell of tasks.
      const name = (event: CeleryEvent): boolean => event.hostname.includes(queue);
      await stage.until("its heartbeat", () => heard.some((event) => name(event) && event.type === "worker-heartbeat"));
      const good = await stage.call("py.add", [40, 2], { queue });
      const bad = await stage.call("py.fail", ["ValueError", "boom"], { queue });
      assert.equal(await good.get({ timeout: patience }), 42);
      await assert.rejects(bad.get({ timeout: patience }));
      await stage.until("their ends", () =>
        [good, bad].every(({ id }) => /SUCCESS|FAILURE/.test(state.task(id)?.state ?? "")),
      );
      const told = state.task(good.id);
      assert.equal(told?.state, "SUCCESS");
      assert.equal(told.name, "py.add");
      assert.equal(told.result, "42");
      assert.match(told.worker ?? "", new RegExp(queue));
      // Our own word on its sending is not among them: who sends may not have heard yet that somebody listens.
      const times = [told.runtime, told.received, told.started, told.ended];
      assert.ok(times.every((each) => typeof each === "number"));
      // 5.2 tells of its own wrapping.
      assert.match(state.task(bad.id)?.exception ?? "", /^(ValueError\('boom'\)|ExceptionWithTraceback\(\))$/);
      assert.match(state.workers.find(({ hostname }) => hostname.includes(queue))?.hostname ?? "", /@/);
      assert.equal(state.missed, 0);
    },
  },
  {
    name: "events: `celeriac events` prints what Python's workers tell",
    direction: "TypeScript → Python",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const queue = stage.fresh("printed");
      await stage.pythonWorker(queue, {}, "--sociable", "-P", "solo", "-E");
      const command = stage.use(
        new WorkerProcess(["--follow", "--types", "task-*,worker-*"], { CELERIAC_BROKER: stage.broker }, "events"),
      );
      const told = (type: string, uuid?: string): Readonly<Record<string, unknown>> | undefined =>
        command.lines.find((line) => {
          const { type: said, uuid: of, hostname } = line as Readonly<Record<string, unknown>>;
          return said === type && of === uuid && String(hostname).includes(queue);
        });
      await stage.until("its heartbeat", () => told("worker-heartbeat") !== undefined);
      const sent = await stage.call("py.add", [40, 2], { queue });
      for (const type of ["task-received", "task-started", "task-succeeded"])
        await stage.until(type, () => told(type, sent.id) !== undefined);
      assert.equal(told("task-succeeded", sent.id)?.["result"], "42");
      assert.equal(await command.stop("SIGINT"), 0);
    },
  },
];
