/** Rows on chains whose steps are of both languages: what a step hands on, how it is sent, and what its end means for the others. */

import assert from "node:assert/strict";
import { chain } from "../../../src/index.ts";
import type { Behaviour } from "../behaviour.ts";
import { canvas, step, stored } from "../canvas.ts";
import { patience, type Stage } from "../stage.ts";

interface PythonFacts {
  readonly eta: string | null;
  readonly expires: string | null;
  readonly now: number;
  readonly priority: number | null;
  readonly timelimit: readonly unknown[];
  readonly parent_id: string;
}
interface Facts {
  readonly now: number;
  readonly queue: string;
  readonly attempt: number;
  readonly lineage: { readonly parent: string };
  readonly request: {
    readonly eta?: Date;
    readonly expires?: Date;
    readonly priority: number;
    readonly timeLimit?: number;
  };
}

export const chains: readonly Behaviour[] = [
  ...canvas("a chain through both languages", {
    on: [...stored, "rpc"],
    async ours({ app }) {
      const there = await app.delay(chain(step("ts.add", [1, 2]), step("py.add", [10]), step("ts.add", [100])));
      const back = await app.delay(chain(step("py.add", [1, 2]), step("ts.add", [10]), step("py.add", [100])));
      for (const sent of [there, back]) {
        const results = [sent, sent.parent, sent.parent?.parent].map(async (each) => each?.get({ timeout: patience }));
        assert.deepEqual(await Promise.all(results), [113, 13, 3]);
      }
    },
    async theirs({ python }) {
      const code = `
there = chain(step("ts.add", [1, 2]), step("py.add", [10]), step("ts.add", [100]))()
back = chain(step("py.add", [1, 2]), step("ts.add", [10]), step("py.add", [100]))()
[[r.get(timeout=100) for r in (sent.parent.parent, sent.parent, sent)] for sent in (there, back)]`;
      assert.deepEqual(await python.run(code), [
        [3, 13, 113],
        [3, 13, 113],
      ]);
    },
  }),
  ...canvas("a step merges an object under its keywords, keeps integers of any size, or ignores what came before", {
    async ours({ app }) {
      const made = "{'width': 2**70, 'height': 3}";
      const sized = await app.delay(chain(step("py.make", [made]), step("ts.size", [], { kwargs: { unit: "px" } })));
      const kinds = await app.delay(chain(step("ts.make", ["bigint"]), step("py.kinds", ["more"])));
      const last = step("ts.echo", [7], { immutable: true });
      const ignoring = await app.delay(
        chain(step("py.add", [1, 2]), step("py.add", [3, 4], { immutable: true }), last),
      );
      assert.equal(await sized.get({ timeout: patience }), `${String(2n ** 70n)}x3 px`);
      assert.deepEqual(await kinds.get({ timeout: patience }), [String(2n ** 70n), "'more'"]);
      assert.deepEqual(await ignoring.get({ timeout: patience }), { args: [7], kwargs: {} });
      assert.equal(await ignoring.parent?.get({ timeout: patience }), 7);
    },
    async theirs({ python }) {
      const code = `
calls = [
    chain(step("py.make", ["{'width': 2**70, 'height': 3}"]), step("ts.size", kwargs={"unit": "px"}))(),
    chain(step("ts.make", ["bigint"]), step("py.kinds", ["more"]))(),
    chain(step("ts.add", [1, 2]), step("ts.add", [3, 4], immutable=True), step("py.echo", [7], immutable=True))(),
]
[call.get(timeout=100) for call in calls]`;
      assert.deepEqual(await python.run(code), [
        `${String(2n ** 70n)}x3 px`,
        [String(2n ** 70n), "'more'"],
        { args: [7], kwargs: {} },
      ]);
    },
  }),
  ...canvas("options of steps: queue, countdown, priority, expires, limits", {
    async ours(stage) {
      const queue = stage.second;
      const options = { priority: 3, expires: "1m", timeLimit: "30s" } as const;
      const here = step("ts.facts", [], { ...options, queue, delay: 150 });
      // What has an eta, Python runs when it next looks: after a second on Redis, and after several on RabbitMQ.
      const there = step("py.facts", [], stage.place.servers === "redis" ? { ...options, delay: 150 } : options);
      const mine = await stage.app.delay(chain(step("py.add", [1, 2]), here));
      const python = await stage.app.delay(chain(step("ts.add", [1, 2]), there));
      await checkFacts(stage, mine.id, queue, mine.parent?.id);
      const told = checkPythonFacts(await python.get({ timeout: patience }), python.parent?.id);
      assert.equal(told.eta !== null, stage.place.servers === "redis");
      if (told.eta !== null) assert.ok(told.now * 1000 >= Date.parse(told.eta) - 1);
    },
    async theirs(stage) {
      const queue = stage.second;
      const code = `
options = dict(priority=3, expires=60, time_limit=30)
mine = chain(step("py.add", [1, 2]), step("ts.facts", countdown=0.15, **options).set(queue=given))()
python = chain(step("ts.add", [1, 2]), step("py.facts", **options))()
[python.get(timeout=100), python.parent.id, mine.id, mine.parent.id]`;
      const [told, before, mine, parent] = (await stage.python.run(code, queue)) as [unknown, string, string, string];
      checkPythonFacts(told, before);
      await checkFacts(stage, mine, queue, parent);
    },
  }),
  ...canvas("a step that is tried again keeps the rest of its chain", {
    async ours({ app }) {
      const theirs = await app.delay(chain(step("ts.add", [0, 1]), step("py.retry", [0]), step("ts.echo")));
      const mine = await app.delay(chain(step("py.add", [0, 1]), step("ts.retry", [0]), step("py.echo")));
      const [[python], [own]] = (await Promise.all(
        [theirs, mine].map(async (sent) => ((await sent.get({ timeout: patience })) as { args: unknown[] }).args),
      )) as [[{ retries: number }], [Facts]];
      assert.deepEqual([python.retries, own.attempt], [1, 2]);
    },
    async theirs({ python }) {
      const code = `
theirs = chain(step("ts.add", [0, 1]), step("py.retry", [0]), step("ts.echo"))()
mine = chain(step("py.add", [0, 1]), step("ts.retry", [0]), step("py.echo"))()
[theirs.get(timeout=100)["args"][0]["retries"], mine.get(timeout=100)["args"][0]["attempt"]]`;
      assert.deepEqual(await python.run(code), [1, 2]);
    },
  }),
  ...canvas("a failed step fails the rest of its chain with the same error", {
    async ours({ app, python }) {
      for (const [failing, type] of [
        [step("py.fail", ["OutOfStock", "A-17", 3], { immutable: true }), "OutOfStock"],
        [step("ts.fail", ["tasks.OutOfStock", "A-17", 3], { immutable: true }), "OutOfStock"],
      ] as const) {
        const sent = await app.delay(chain(step("ts.add", [1, 2]), failing, step("ts.add", [1]), step("py.add", [1])));
        const same = { type, module: "tasks", args: ["A-17", 3] };
        for (const each of [sent, sent.parent, sent.parent?.parent]) {
          await assert.rejects(async () => each?.get({ timeout: patience }), same);
        }
        assert.equal(await sent.parent?.parent?.parent?.get({ timeout: patience }), 3);
        const seen = await python.run("repr(app.AsyncResult(given).get(timeout=100, propagate=False))", sent.id);
        assert.equal(seen, "OutOfStock('A-17', 3)");
      }
    },
    async theirs({ python, app }) {
      const code = `
def failing(task, name):
    call = chain(step("ts.add", [1, 2]), step(task, [name, "A-17", 3], immutable=True), step("ts.add", [1]), step("py.add", [1]))()
    ends = [call, call.parent, call.parent.parent]
    return call.id, [repr(end.get(timeout=100, propagate=False)) for end in ends], call.parent.parent.parent.get(timeout=100)
[failing("py.fail", "OutOfStock"), failing("ts.fail", "tasks.OutOfStock")]`;
      for (const [id, ends, before] of (await python.run(code)) as [string, string[], number][]) {
        assert.deepEqual([ends, before], [Array(3).fill("OutOfStock('A-17', 3)"), 3]);
        const same = { type: "OutOfStock", module: "tasks", args: ["A-17", 3] };
        await assert.rejects(app.result(id).get({ timeout: patience }), same);
      }
    },
  }),
];

async function checkFacts(stage: Stage, id: string, queue: string, parent: string | undefined): Promise<void> {
  const told = await stage.app.result<Facts>(id).get({ timeout: patience });
  const { eta, expires, priority, timeLimit } = told.request;
  assert.deepEqual([told.queue, priority, timeLimit, told.lineage.parent], [queue, 3, 30_000, parent]);
  assert.ok(eta !== undefined && told.now >= eta.getTime());
  assert.ok(expires !== undefined && expires.getTime() > told.now);
}

function checkPythonFacts(facts: unknown, parent: string | undefined): PythonFacts {
  const told = facts as PythonFacts;
  assert.deepEqual([told.priority, told.timelimit[0], told.parent_id], [3, 30, parent]);
  assert.ok(told.expires !== null && Date.parse(told.expires) > told.now * 1000);
  return told;
}
