/** Rows on workflows that fail, across languages: what a member's failure makes of the body, and whom it is told. */

import assert from "node:assert/strict";
import { type AnySignature, chain, chord, type Signature } from "../../../src/index.ts";
import type { Behaviour } from "../behaviour.ts";
import { canvas, step } from "../canvas.ts";
import { patience, type Stage } from "../stage.ts";

type Side = "py" | "ts";
const sides: readonly Side[] = ["py", "ts"];

/** Who called an error callback, and with what. */
interface Told {
  readonly by: Side;
  readonly args: readonly string[];
}

const failing = (side: Side): Signature<unknown, unknown> =>
  step(`${side}.fail`, [side === "py" ? "OutOfStock" : "tasks.OutOfStock", "A-17", 3], { immutable: true });
const errback = (name: `${Side}.failed` | "py.failed_here", path: string): Signature<string, unknown> =>
  step(name, [], { kwargs: { path } });
/** Without `propagate=False` Python raises what the member raised. */
const ended = "[call.parent.results[0].id, call.id, repr(call.get(timeout=100, propagate=False))]";
/** As `failing` and `errback`, in Python. */
const prelude = `
failing = lambda side: step(side + ".fail", ["OutOfStock" if side == "py" else "tasks.OutOfStock", "A-17", 3], immutable=True)
errback = lambda name, path: step(name, kwargs={"path": path})
`;

async function told(stage: Stage, path: string, count: number): Promise<readonly Told[]> {
  await stage.until("the error callbacks", () => stage.lines(path).length >= count);
  const lines = stage.lines(path).map((line) => JSON.parse(line) as Told);
  return lines.toSorted((one, other) => one.by.localeCompare(other.by));
}

export const errors: readonly Behaviour[] = [
  ...canvas("a failed member fails the body, in the same words, and both sides' error callbacks hear of it", {
    async ours(stage) {
      for (const [fails, last] of [
        ["py", "ts"],
        ["ts", "py"],
        ["py", "py"],
        ["ts", "ts"],
      ] as const) {
        const [gate, path] = [stage.file(), stage.file()];
        // The one that fails comes first where another is to end the chord.
        const members: AnySignature[] =
          fails === last ? [failing(fails)] : [failing(fails), step(`${last}.hold`, [gate, 1])];
        const body = step("py.total").linkError(errback("py.failed", path)).linkError(errback("ts.failed", path));
        const sent = await stage.app.delay(
          chain(chord(members as Signature<unknown, unknown>[], body), step("ts.add", [1])),
        );
        const [first] = (await sent.parent?.parent?.children()) ?? [];
        await assert.rejects(async () => first?.get({ timeout: patience }), { type: "OutOfStock" });
        stage.open(gate);
        const text = `Dependency ${String(first?.id)} raised OutOfStock('A-17', 3)`;
        // What follows the body is a part of it, so it is the end of that which is told of.
        const failed = { type: "ChordError", module: "celery.exceptions", args: [text] };
        await assert.rejects(sent.get({ timeout: patience }), failed);
        assert.deepEqual(
          await told(stage, path, 2),
          sides.map((by) => ({ by, args: [sent.id] })),
        );
      }
    },
    async theirs(stage) {
      const code = `${prelude}
gate, path, fails, last = given
members = [failing(fails)] if fails == last else [failing(fails), step(last + ".hold", [gate, 1])]
body = step("ts.total")
body.link_error(errback("py.failed", path))
body.link_error(errback("ts.failed", path))
call = chord(members)(body)
repr(call.parent.results[0].get(timeout=100, propagate=False))`;
      for (const fails of sides) {
        for (const last of sides) {
          const [gate, path] = [stage.file(), stage.file()];
          assert.equal(await stage.python.run(code, [gate, path, fails, last]), "OutOfStock('A-17', 3)");
          stage.open(gate);
          const [first, id, text] = (await stage.python.run(ended)) as [string, string, string];
          assert.equal(text, `ChordError("Dependency ${first} raised OutOfStock('A-17', 3)")`);
          assert.deepEqual(
            await told(stage, path, 2),
            sides.map((by) => ({ by, args: [id] })),
          );
        }
      }
    },
  }),
  ...canvas("a member that is a chain fails in a step before its last", {
    async ours(stage) {
      const workflows = sides.flatMap((fails) => {
        const member = chain(failing(fails), step(`${fails === "py" ? "ts" : "py"}.add`, [1]));
        return sides.map((body) => chord([member, step("ts.add", [1, 2])], step(`${body}.total`)));
      });
      for (const workflow of workflows) {
        const sent = await stage.app.delay(workflow);
        const text = /^Dependency [\da-f-]{36} raised OutOfStock\('A-17', 3\)$/;
        await assert.rejects(sent.get({ timeout: patience }), (error: { readonly args: unknown[] }) =>
          text.test(String(error.args[0])),
        );
      }
    },
    async theirs(stage) {
      const code = `${prelude}
def ends(fails, body):
    member = chain(failing(fails), step("ts.add" if fails == "py" else "py.add", [1]))
    call = chord([member, step("ts.add", [1, 2])])(step(body + ".total"))
    return str(call.get(timeout=100, propagate=False)).split(" raised ")
[ends(fails, body)[1] for fails in ("py", "ts") for body in ("py", "ts")]`;
      assert.deepEqual(await stage.python.run(code), Array(4).fill("OutOfStock('A-17', 3)"));
    },
  }),
  ...canvas("error callbacks of the other side, of a task and of a chain", {
    async ours(stage) {
      const path = stage.file();
      const theirs = await stage.app.delay(failing("py").linkError(errback("ts.failed", path)));
      const mine = await stage.app.delay(failing("ts").linkError(errback("py.failed", path)));
      assert.deepEqual(await told(stage, path, 2), [
        { by: "py", args: [mine.id] },
        { by: "ts", args: [theirs.id] },
      ]);
      const ofChain = stage.file();
      const steps = chain(step("ts.add", [1, 2]), failing("py"), step("ts.add", [1]));
      const sent = await stage.app.delay(
        steps.linkError(errback("ts.failed", ofChain)).linkError(errback("py.failed", ofChain)),
      );
      const id = sent.parent?.id;
      assert.deepEqual(
        await told(stage, ofChain, 2),
        sides.map((by) => ({ by, args: [id] })),
      );
    },
    async theirs(stage) {
      const [path, ofChain] = [stage.file(), stage.file()];
      const code = `${prelude}
theirs = failing("py").apply_async(link_error=errback("ts.failed", given[0]))
mine = failing("ts").apply_async(link_error=errback("py.failed", given[0]))
sent = chain(step("ts.add", [1, 2]), failing("ts"), step("py.add", [1])).apply_async(
    link_error=[errback("ts.failed", given[1]), errback("py.failed", given[1])])
[mine.id, theirs.id, sent.parent.id]`;
      const [mine, theirs, id] = (await stage.python.run(code, [path, ofChain])) as [string, string, string];
      assert.deepEqual(await told(stage, path, 2), [
        { by: "py", args: [mine] },
        { by: "ts", args: [theirs] },
      ]);
      assert.deepEqual(
        await told(stage, ofChain, 2),
        sides.map((by) => ({ by, args: [id] })),
      );
    },
  }),
  // A Python worker calls what takes (request, exc, traceback) itself, where it has it. Nobody else can: it is sent with the id.
  ...canvas("an error callback that takes more than the id: called by Python's worker, sent with the id by ours", {
    async ours(stage) {
      for (const side of sides) {
        const path = stage.file();
        const sent = await stage.app.delay(failing(side).linkError(errback("py.failed_here", path)));
        const args = side === "py" ? ["Context", "OutOfStock", "str"] : [sent.id];
        const [heard] = await told(stage, path, 1);
        assert.deepEqual(side === "py" ? heard?.args.slice(0, 2) : heard?.args, args.slice(0, 2));
      }
    },
    async theirs(stage) {
      for (const side of sides) {
        const path = stage.file();
        const code = `${prelude}
failing(given[0]).apply_async(link_error=errback("py.failed_here", given[1])).id`;
        const id = await stage.python.run(code, [side, path]);
        const [heard] = await told(stage, path, 1);
        assert.deepEqual(
          side === "py" ? heard?.args.slice(0, 2) : heard?.args,
          side === "py" ? ["Context", "OutOfStock"] : [id],
        );
      }
    },
  }),
  ...canvas("a chord is refused where results are sent back", {
    on: ["rpc"],
    async ours({ app }) {
      const sent = app.delay(chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], step("py.total")));
      await assert.rejects(sent, { code: "NOT_SUPPORTED" });
    },
  }),
];
