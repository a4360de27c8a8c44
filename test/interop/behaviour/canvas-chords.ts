/** Rows on chords: whose the members are, whose the body is, who sends it, and what the parts are made of. */

import assert from "node:assert/strict";
import { type AnySignature, chain, chord, group } from "../../../src/index.ts";
import type { Behaviour } from "../behaviour.ts";
import { canvas, step } from "../canvas.ts";
import { patience, type Stage } from "../stage.ts";

type Side = "py" | "ts";
const sides: readonly Side[] = ["py", "ts"];

/** The last to arrive sends the body. */
function lastMember(last: Side): readonly Behaviour[] {
  const first = last === "py" ? "ts" : "py";
  const whose = last === "py" ? "Python's" : "TypeScript's";
  return canvas(`a chord whose last member is ${whose}, with a body on either side`, {
    async ours(stage) {
      for (const side of sides) {
        const gates = [stage.file(), stage.file()] as const;
        const members = [step(`${first}.hold`, [gates[0], 2n ** 70n]), step(`${last}.hold`, [gates[1], 2])];
        const sent = await stage.app.delay(chord(members, step(`${side}.total`)));
        await inTurn(stage, sent.parent?.id, gates);
        assert.equal(await sent.get({ timeout: patience }), 2n ** 70n + 2n);
        const own = await sent.parent?.get({ timeout: patience });
        assert.deepEqual(own, [2n ** 70n, 2]);
      }
    },
    async theirs(stage) {
      for (const side of sides) {
        const gates = [stage.file(), stage.file()] as const;
        const code = `
gates, first, last, side = given
members = [step(first + ".hold", [gates[0], 2**70]), step(last + ".hold", [gates[1], 2])]
call = chord(members)(step(side + ".total"))
call.parent.id`;
        await inTurn(stage, String(await stage.python.run(code, [gates, first, last, side])), gates);
        assert.deepEqual(
          await stage.python.run("[call.get(timeout=100) - 2**70, call.parent.results[1].get(timeout=100)]"),
          [2, 2],
        );
      }
    },
  });
}

/** The second member goes on when the first was counted. */
async function inTurn(stage: Stage, group: string | undefined, gates: readonly [string, string]): Promise<void> {
  stage.open(gates[0]);
  const counted = `celery-taskset-meta-${String(group)}.j`;
  await stage.until("the first member", async () => Number(await stage.redis.cli("ZCARD", counted)) === 1);
  stage.open(gates[1]);
}

/** A workflow in both languages, and what both sides read of its end. */
function same(
  name: string,
  workflow: () => readonly AnySignature[],
  code: string,
  ends: readonly unknown[],
): readonly Behaviour[] {
  return canvas(name, {
    async ours({ app }) {
      const sent = await Promise.all(workflow().map((each) => app.delay(each as never)));
      const got = await Promise.all(sent.map((each) => each.get({ timeout: patience })));
      assert.deepEqual(got, ends);
    },
    async theirs({ app, python }) {
      const read = `
sent = [each() for each in [${code}]]
read = lambda each: [part.get(timeout=100) for part in each.results] if hasattr(each, "results") else each.get(timeout=100)
[[read(each) for each in sent], [each.id for each in sent]]`;
      const [got, ids] = (await python.run(read)) as [unknown[], string[]];
      assert.deepEqual(got, ends);
      const first = ends.findIndex((end) => !Array.isArray(end));
      if (first !== -1) assert.deepEqual(await app.result(ids[first] ?? "").get({ timeout: patience }), ends[first]);
    },
  });
}

export const chords: readonly Behaviour[] = [
  ...lastMember("py"),
  ...lastMember("ts"),
  ...same(
    "a chord of fifty members",
    () =>
      sides.map((side) =>
        chord(
          Array.from({ length: 50 }, (_, n) => step(`${n % 2 === 0 ? "ts" : "py"}.add`, [n, 1])),
          step(`${side}.total`),
        ),
      ),
    'chord([step(("ts", "py")[n % 2] + ".add", [n, 1]) for n in range(50)], step(side + ".total")) for side in ("py", "ts")',
    [1275, 1275],
  ),
  ...same(
    "a group that something follows, dispatched by a worker of either side",
    () =>
      sides.flatMap((first) =>
        sides.map((body) =>
          chain(
            step(`${first}.add`, [1, 2]),
            group(step("py.add", [10]), step("ts.add", [20])),
            step(`${body}.total`),
            step("ts.add", [100]),
          ),
        ),
      ),
    `chain(step(first + ".add", [1, 2]), group([step("py.add", [10]), step("ts.add", [20])]), step(body + ".total"), step("ts.add", [100]))
    for first in ("py", "ts") for body in ("py", "ts")`,
    [136, 136, 136, 136],
  ),
  ...same(
    "chords in chords",
    () => [
      chord(
        [chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], step("ts.total")), step("py.add", [5, 6])],
        step("py.total"),
      ),
      chord(
        [chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], step("py.total")), step("ts.add", [5, 6])],
        step("ts.total"),
      ),
    ],
    `chord([chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], step("ts.total")), step("py.add", [5, 6])], step("py.total")),
    chord([chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], step("py.total")), step("ts.add", [5, 6])], step("ts.total"))`,
    [21, 21],
  ),
  ...same(
    "a body that is a chain, or a group",
    () => [
      chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], chain(step("py.total"), step("ts.add", [100]))),
      chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], chain(step("ts.total"), step("py.add", [100]))),
      chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], group(step("py.total"), step("ts.total"))),
    ],
    `chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], chain(step("py.total"), step("ts.add", [100]))),
    chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], chain(step("ts.total"), step("py.add", [100]))),
    chord([step("ts.add", [1, 2]), step("py.add", [3, 4])], group([step("py.total"), step("ts.total")]))`,
    [110, 110, [10, 10]],
  ),
  // A group that ends a member is started by our workers, where Python made the chord: Python's set the size of the whole chord to
  // that of the group then, and it never ends, in Python alone too. What we make ends in one task there.
  ...same(
    "a member that is a chain, ending in a task or in a group",
    () => [
      chord(
        [chain(step("py.add", [1, 2]), step("ts.add", [10])), chain(step("ts.add", [3, 4]), step("py.add", [10]))],
        step("py.total"),
      ),
      chord(
        [chain(step("ts.add", [1, 2]), group(step("ts.add", [1]), step("py.add", [2]))), step("py.add", [5, 6])],
        step("py.echo"),
      ),
      chord(
        [chain(step("py.add", [1, 2]), group(step("ts.add", [1]), step("py.add", [2]))), step("ts.add", [5, 6])],
        step("ts.echo"),
      ),
    ],
    `chord([chain(step("py.add", [1, 2]), step("ts.add", [10])), chain(step("ts.add", [3, 4]), step("py.add", [10]))], step("py.total")),
    chord([chain(step("ts.add", [1, 2]), group([step("ts.add", [1]), step("py.add", [2])])), step("py.add", [5, 6])], step("py.echo")),
    chord([chain(step("py.add", [1, 2]), step("ts.add", [0]), group([step("ts.add", [1]), step("py.add", [2])])), step("ts.add", [5, 6])], step("ts.echo"))`,
    [30, { args: [[[4, 5], 11]], kwargs: {} }, { args: [[[4, 5], 11]], kwargs: {} }],
  ),
  ...same(
    "a chord without members",
    () => sides.map((side) => chord([], step(`${side}.total`))),
    'chord([], step("py.total")), chord([], step("ts.total"))',
    [0, 0],
  ),
];
