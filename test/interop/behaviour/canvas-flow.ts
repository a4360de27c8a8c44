/** Rows on workflows that change as they go: links, tasks that are replaced, members that join; and on what travels along, stamps. */

import assert from "node:assert/strict";
import { type AnySignature, type AsyncResult, chain, chord, every, group, type Signature } from "../../../src/index.ts";
import type { Behaviour } from "../behaviour.ts";
import { asJson, canvas, step } from "../canvas.ts";
import { patience, type Stage } from "../stage.ts";

type Side = "py" | "ts";
const sides: readonly Side[] = ["py", "ts"];
const other = (side: Side): Side => (side === "py" ? "ts" : "py");

/** What a task set off. */
async function linked(sent: AsyncResult<unknown>): Promise<readonly AsyncResult<unknown>[]> {
  await sent.get({ timeout: patience });
  return sent.children();
}

/** What `side` runs as the call of a workflow that replaces it. */
const replacing = (side: Side, by: AnySignature): Signature<unknown, unknown> => step(`${side}.replace`, [asJson(by)]);

async function ends(app: Stage["app"], workflows: readonly Signature<unknown, unknown>[]): Promise<readonly unknown[]> {
  const sent = await Promise.all(workflows.map((each) => app.delay(each)));
  return Promise.all(sent.map((each) => each.get({ timeout: patience })));
}

export const flow: readonly Behaviour[] = [
  ...canvas("a link to a chain, a group or a chord", {
    async ours({ app }) {
      for (const side of sides) {
        const then = other(side);
        const first = step(`${side}.add`, [1, 2]);
        const toChain = await app.delay(first.link(chain(step(`${then}.add`, [10]), step(`${side}.add`, [100]))));
        const toGroup = await app.delay(first.link(group(step("ts.add", [10]), step("py.add", [20]))));
        const toChord = await app.delay(
          first.link(chord([step("ts.add", [10]), step("py.add", [20])], step(`${then}.total`))),
        );
        const [next] = await linked(toChain);
        assert.equal(await next?.get({ timeout: patience }), 13);
        assert.equal(await (await next?.children())?.[0]?.get({ timeout: patience }), 113);
        const [members] = await linked(toGroup);
        assert.deepEqual(await members?.get({ timeout: patience }), [13, 23]);
        const [header, body] = await linked(toChord);
        assert.deepEqual(await header?.get({ timeout: patience }), [13, 23]);
        // Of a chord, Python names the members only.
        if (side === "py") assert.equal(body, undefined);
        else assert.equal(await body?.get({ timeout: patience }), 36);
      }
    },
    async theirs({ python }) {
      const code = `
end = lambda each: [r.get(timeout=100) for r in each.results] if hasattr(each, "results") else each.get(timeout=100)
def linked(side, then, to):
    call = step(side + ".add", [1, 2]).apply_async(link=to)
    call.get(timeout=100)
    return [end(child) for child in call.children]
[[linked(side, then, chain(step(then + ".add", [10]), step(side + ".add", [100]))),
  linked(side, then, group([step("ts.add", [10]), step("py.add", [20])])),
  linked(side, then, chord([step("ts.add", [10]), step("py.add", [20])], step(then + ".total")))]
 for side, then in (("py", "ts"), ("ts", "py"))]`;
      assert.deepEqual(await python.run(code), [
        [[13], [[13, 23]], [[13, 23]]],
        [[13], [[13, 23]], [[13, 23], 36]],
      ]);
    },
  }),
  // The members of the group return the same: Celery 5.2 loses the order of those that replace a member of a chord.
  ...canvas("a task is replaced by one of the other side, a chain or a group, alone, in a chain and in a chord", {
    async ours({ app }) {
      const workflows = sides.flatMap((side) => {
        const then = other(side);
        const task = replacing(side, step(`${then}.add`, [1, 2]));
        const steps = replacing(side, chain(step(`${then}.add`, [1, 2]), step(`${side}.add`, [10])));
        const members = replacing(side, group(step("ts.add", [1, 2]), step("py.add", [2, 1])));
        return [
          task,
          chain(step(`${then}.add`, [0, 0]), steps, step(`${then}.add`, [100])),
          chain(members, step(`${then}.total`)),
          chord([task, steps, step(`${then}.add`, [5, 6])], step(`${side}.total`)),
          chord([members, step(`${then}.add`, [5, 6])], step(`${side}.echo`)),
        ];
      });
      const each = [3, 113, 6, 27, { args: [[[3, 3], 11]], kwargs: {} }];
      assert.deepEqual(await ends(app, workflows), [...each, ...each]);
    },
    async theirs({ python }) {
      const code = `
def workflows(side, then):
    by = lambda signature: step(side + ".replace", [json.loads(json.dumps(signature))])
    task = by(step(then + ".add", [1, 2]))
    steps = by(chain(step(then + ".add", [1, 2]), step(side + ".add", [10])))
    members = by(group([step("ts.add", [1, 2]), step("py.add", [2, 1])]))
    return [
        task,
        chain(step(then + ".add", [0, 0]), steps, step(then + ".add", [100])),
        chain(members, step(then + ".total")),
        chord([task, steps, step(then + ".add", [5, 6])], step(side + ".total")),
        chord([members, step(then + ".add", [5, 6])], step(side + ".echo")),
    ]
sent = [each.delay() for side, then in (("py", "ts"), ("ts", "py")) for each in workflows(side, then)]
[each.get(timeout=100) for each in sent]`;
      const each = [3, 113, 6, 27, { args: [[[3, 3], 11]], kwargs: {} }];
      assert.deepEqual(await python.run(code), [...each, ...each]);
    },
  }),
  ...canvas("a member adds one of the other side to its chord", {
    async ours({ app }) {
      const workflows = sides.map((side) => {
        const grow = step(`${side}.grow`, [asJson(step(`${other(side)}.add`, [10, 20])), 1]);
        return chord([grow, step(`${other(side)}.add`, [1, 1])], step(`${side}.total`));
      });
      assert.deepEqual(await ends(app, workflows), [33, 33]);
    },
    async theirs({ python }) {
      const code = `
def growing(side, then):
    grow = step(side + ".grow", [json.loads(json.dumps(step(then + ".add", [10, 20]))), 1])
    return chord([grow, step(then + ".add", [1, 1])])(step(side + ".total"))
sent = [growing("py", "ts"), growing("ts", "py")]
[each.get(timeout=100) for each in sent]`;
      assert.deepEqual(await python.run(code), [33, 33]);
    },
  }),
  ...canvas("stamps reach every part and what follows it", {
    since: "5.6",
    async ours({ app }) {
      const steps = chain(step("ts.facts"), step("py.facts"), step("ts.facts"));
      const joined = chord([step("ts.facts"), step("py.facts")], step("py.facts"));
      const bodied = chord([step("ts.facts"), step("py.facts")], step("ts.facts"));
      for (const workflow of [steps, joined, bodied] as readonly Signature<unknown, unknown>[]) {
        const sent = await app.delay(workflow.stamp({ tenant: "t1", shelf: 7 }));
        for (const told of await stamped(sent)) assert.deepEqual(told, { tenant: "t1", shelf: 7 });
      }
      // A stamp of the whole launch, and a step with one of its own.
      const sent = await app.enqueue(chain(step("py.facts"), step("ts.facts").stamp({ own: true })), {
        stamps: { tenant: "t2" },
      });
      assert.deepEqual(await stamped(sent), [{ tenant: "t2", own: true }, { tenant: "t2" }]);
    },
    async theirs({ app, python }) {
      const code = `
class Shelves(celery.canvas.StampingVisitor): # stamps without one do not reach a chord's body
    def on_signature(self, sig, **headers):
        return {"tenant": "t1", "shelf": 7}
def stamped(workflow):
    workflow.stamp(visitor=Shelves())
    call = workflow()
    call.get(timeout=100)
    return call.id
[stamped(chain(step("ts.facts"), step("py.facts"), step("ts.facts"))),
 stamped(chord([step("ts.facts"), step("py.facts")], step("py.facts"))),
 stamped(chord([step("ts.facts"), step("py.facts")], step("ts.facts")))]`;
      for (const id of (await python.run(code)) as string[]) {
        for (const told of await stamped(app.result(id))) assert.deepEqual(told, { tenant: "t1", shelf: 7 });
      }
    },
  }),
  ...canvas("a schedule's task is sent by beat, and run on the other side", {
    async ours(stage) {
      const [name, path] = [stage.fresh("tick"), stage.file()];
      const app = stage.newApp();
      app.schedule(name, every("1h"), step("py.note", [path, "ticked"]));
      stage.use(app);
      stage.use(await app.beat());
      await app.schedules.run(name);
      await stage.until("its run", () => stage.lines(path).length === 1);
      assert.deepEqual(stage.lines(path), ["ticked"]);
    },
  }),
];

/** The stamps that each part saw, the last first. */
async function stamped(sent: AsyncResult<unknown>): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  for (let at: AsyncResult<unknown> | undefined = sent; at !== undefined; at = at.parent) {
    const told = (await at.get({ timeout: patience })) as Facts | readonly Facts[];
    for (const { request, stamps } of [told].flat() as Facts[]) seen.push(request?.stamps ?? stamps);
  }
  return seen;
}

interface Facts {
  readonly request?: { readonly stamps: unknown };
  readonly stamps: unknown;
}
