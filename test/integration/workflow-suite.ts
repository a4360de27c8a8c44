/** What workflows come to, whatever the broker: one suite, run on every driver that counts members, inline pool, one worker. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AnySignature,
  type App,
  chain,
  chord,
  createApp,
  group,
  type GroupResult,
  Ignore,
  type Signature,
  type WorkerEvent,
} from "../../src/index.ts";
import type { SuiteBroker } from "./worker-suite.ts";

/** What a worker warns of when something went wrong, and not because of what a server cannot do. */
const trouble = new Set(["CHORD_LOST", "POOL_FAILED", "RESULT_STORE", "SETTLE_REPEATED"]);
const soon = { timeout: "60s" } as const;

/** Workflows of every shape, and what comes out of them. */
type Shapes = Readonly<Record<string, readonly [workflow: AnySignature, result: unknown]>>;

export function workflowSuite(name: string, makeBroker: () => Promise<SuiteBroker>): void {
  describe(`workflows on ${name}`, () => {
    let broker: SuiteBroker;
    let app: App;
    let tasks: ReturnType<typeof declare>;
    const warnings: WorkerEvent[] = [];

    beforeAll(async () => {
      broker = await makeBroker();
      app = createApp({
        name: "workflows",
        broker: broker.url,
        ...(broker.results !== undefined && { results: broker.results }),
      });
      tasks = declare(app);
      await app.work({
        pool: "inline",
        concurrency: 20,
        lease: "60s",
        sweep: "100ms",
        grace: "1s",
        onEvent: (event) => {
          if (event.type === "worker:warning" && trouble.has(event.code ?? "")) warnings.push(event);
        },
      });
    });
    afterAll(async () => {
      await app.close();
      await broker.close();
    });

    /** The end of a workflow whose type the compiler does not know. */
    const result = async (workflow: AnySignature): Promise<unknown> =>
      (await app.delay(workflow as Signature<unknown, unknown>)).get(soon);

    const failureOf = async (workflow: AnySignature): Promise<string> => {
      const error: unknown = await result(workflow).catch((thrown: unknown) => thrown);
      return error instanceof Error ? error.message : `no error, but ${String(error)}`;
    };

    it("come to what each of their shapes says", async () => {
      const shapes = shapesOf(tasks);
      const ends = await Promise.all(
        Object.entries(shapes).map(async ([shape, [workflow]]) => [
          shape,
          await result(workflow).catch((error: unknown) => `failed: ${String(error)}`),
        ]),
      );
      expect(Object.fromEntries(ends)).toEqual(
        Object.fromEntries(Object.entries(shapes).map(([shape, [, value]]) => [shape, value])),
      );
    });

    it("go on with what replaces one of their tasks, alone, in a chain and in a chord", async () => {
      const { replace, same, inc } = tasks;
      const by = { task: 11, chain: 12, group: [11, 12], chord: [11, 12], again: 11 } as const;
      for (const [kind, value] of Object.entries(by)) {
        const one = replace.si({ by: kind });
        expect(await result(one), kind).toEqual(value);
        expect(await result(chain(one, same.s(), same.s())), `${kind} in a chain`).toEqual(value);
        expect(await result(chord([one, inc.si(1)], same.s())), `${kind} in a chord`).toEqual([value, 2]);
        expect(await result(chain(inc.si(1), one)), `${kind} at the end of a chain`).toEqual(value);
      }
    });

    it("have members that their members add", async () => {
      const { adding, inc, same } = tasks;
      const sent = (await result(chord([adding.si(2), inc.si(1)], same.s()))) as readonly unknown[];
      expect(sent.map(String).toSorted()).toEqual(["0", "1", "2", "added 2"]);
      await expect(result(adding.si(1))).rejects.toThrow(/not a member of a chord/);
    });

    it("are started by tasks, which know them as their children", async () => {
      const sent = await tasks.starting.delay(3);
      const id = await sent.get(soon);
      expect(await app.result(id).get(soon)).toBe(6);
      const { nodes } = await sent.graph();
      expect(nodes[0]).toMatchObject({ id: sent.id, state: "SUCCESS" });
      expect(nodes.map((node) => node.id)).toContain(id);
    });

    it("have children from step to step", async () => {
      const { inc, sum } = tasks;
      const sent = await app.delay(chain(inc.si(1), inc.s(), inc.s()));
      expect(await sent.get(soon)).toBe(4);
      const first = sent.parent?.parent;
      const graph = await first?.graph();
      expect(graph?.nodes.map(({ id, state }) => [id, state])).toEqual(
        [first?.id, sent.parent?.id, sent.id].map((id) => [id, "SUCCESS"]),
      );
      const joined = await app.delay(chord([inc.si(1), inc.si(2)], sum.s()));
      expect(await joined.get(soon)).toBe(5);
      expect(await joined.parent?.get(soon)).toEqual([2, 3]);
    });

    it("carry stamps to every step, and to what follows", async () => {
      const { stamps } = tasks;
      const workflow = chain(stamps.si(1), group(stamps.si(2), stamps.si(3).stamp({ own: "o" })), stamps.si(4));
      const sent = await app.enqueue(workflow, { stamps: { tenant: "t" } });
      expect(await sent.get(soon)).toMatchObject({ tenant: "t" });
      expect(await sent.parent?.get(soon)).toEqual([{ tenant: "t" }, { tenant: "t", own: "o" }]);
    });

    it("tell callbacks of their end, and error callbacks of the task that it came to", async () => {
      const { inc, sum, fail, noted, note } = tasks;
      const linked = await app.enqueue(chord([inc.si(1), inc.si(2)], sum.s()), { link: note.s({ key: "linked" }) });
      expect(await noted("linked")).toBe(5);
      expect(await linked.get(soon)).toBe(5);
      const failing = await app.enqueue(chord([inc.si(1), fail.si("member")], sum.s()), {
        linkError: note.s({ key: "unlinked" }) as never,
      });
      expect(await noted("unlinked")).toBe(failing.id);
      const inChain = await app.enqueue(chain(inc.si(1), fail.si("step"), inc.si(2)), {
        linkError: note.s({ key: "chained" }) as never,
      });
      expect(await noted("chained")).toBe(inChain.parent?.id);
    });

    it("fail with the step that failed, in each task that waited for it", async () => {
      const { inc, fail, sum, same } = tasks;
      const last = await app.delay(chain(inc.si(1), fail.si("step"), inc.si(2), inc.s()));
      await expect(last.get(soon)).rejects.toThrow("step failed");
      await expect(last.parent?.get(soon)).rejects.toThrow("step failed");
      expect(await last.parent?.parent?.parent?.get(soon)).toBe(2);
      expect(await failureOf(chain(fail.si("early"), chord([inc.si(1), inc.si(2)], sum.s()), inc.s()))).toMatch(
        "early failed",
      );
      // In the chord of a chain that is a member of another.
      const nested = chord([chain(fail.si("deep"), group(inc.si(1), inc.si(2)), sum.s()), inc.si(1)], same.s());
      expect(await failureOf(nested)).toMatch(/ChordError: Dependency .* raised Error\('deep failed'\)/);
    });

    it.each([
      ["failed", "fail", /raised Error\('the member failed'\)/],
      ["expired", "late", /raised TaskRevokedError\('expired'\)/],
      ["was buried", "rejected", /raised Reject\('no use', False\)/],
      ["asked to store nothing", "ignored", /raised Ignore/],
    ] as const)("fail with a member of a chord that %s", async (_, which, why) => {
      const { inc, same, members } = tasks;
      expect(await failureOf(chord([inc.si(1), members[which], inc.si(2)], same.s()))).toMatch(why);
    });

    it("have groups whose members fail one by one", async () => {
      const { inc, fail } = tasks;
      const sent: GroupResult<readonly number[]> = await app.delay(group([inc.si(1), fail.si("second"), inc.si(3)]));
      await expect(sent.get(soon)).rejects.toMatchObject({ code: "GROUP_FAILED", index: 1, total: 3 });
      expect((await sent.settled(soon)).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      const seen: number[] = [];
      for await (const { index } of sent.completed()) seen.push(index);
      expect(seen.toSorted((one, other) => one - other)).toEqual([0, 1, 2]);
      expect(await sent.progress()).toMatchObject({ done: 3, failed: 1, total: 3 });
      expect(await sent.state()).toBe("FAILURE");
    });

    it("try again what a member tries again, and count it once", async () => {
      const { flaky, inc, same } = tasks;
      expect(await result(chord([flaky.si(2), inc.si(1)], same.s()))).toEqual([3, 2]);
    });

    it("leave nothing behind", async () => {
      await expect
        .poll(async () =>
          (await app.queues.list()).flatMap(({ name: queue, ready, leased, delayed }) => {
            const left = ready.reduce((total, { count }) => total + count, 0) + (leased ?? 0) + (delayed ?? 0);
            return left > 0 ? [`${String(left)} in ${queue}`] : [];
          }),
        )
        .toEqual([]);
      expect(warnings).toEqual([]);
    });
  });
}

function shapesOf({ inc, sum, same, add }: ReturnType<typeof declare>): Shapes {
  const two = (): AnySignature[] => [inc.si(1), inc.si(2)];
  const numbers = [inc.si(1), inc.si(2)] as const;
  return {
    "a chain": [chain(inc.si(1), inc.s(), inc.s()), 4],
    "a chain in a chain": [chain(chain(inc.si(1), inc.s()), chain(inc.s(), inc.s())), 5],
    "a chain of one": [chain(inc.si(1)), 2],
    "a step that takes nothing": [chain(inc.si(1), inc.si(10)), 11],
    "a group": [group(...numbers), [2, 3]],
    "a group of none": [group(), []],
    "a group in a group": [group(group(inc.si(1), inc.si(2)), inc.si(3)), [2, 3, 4]],
    "a group of chains": [group(chain(inc.si(1), inc.s()), inc.si(5)), [3, 6]],
    "a chord": [chord(numbers, sum.s()), 5],
    "a chord of none": [chord([], same.s() as never), []],
    "a chord of one": [chord([inc.si(1)], same.s()), [2]],
    "a chord of fifty": [
      chord(
        Array.from({ length: 50 }, (_, n) => inc.si(n)),
        same.s(),
      ),
      Array.from({ length: 50 }, (_, n) => n + 1),
    ],
    "a chord of chains": [chord([chain(inc.si(1), inc.s()), inc.si(2)], same.s()), [3, 3]],
    "a chord of chains that end in groups": [
      chord([chain(inc.si(1), group(inc.s(), inc.s())), inc.si(5)] as never, same.s() as never),
      [[3, 3], 6],
    ],
    "a chord of a chord": [
      chord([chord(two() as never, sum.s() as never), inc.si(3)] as never, same.s() as never),
      [5, 4],
    ],
    "a chord of a group in a group": [chord(group(group(...numbers), inc.si(3)), same.s()), [2, 3, 4]],
    "a chord whose body is a chain": [chord(numbers, chain(sum.s(), inc.s())), 6],
    "a chord whose body is a group": [chord(numbers, group(sum.s(), same.s())), [5, [2, 3]]],
    "a chord whose body is a chord": [chord(numbers, chord([sum.s(), sum.s()], same.s())), [5, 5]],
    "a chord whose body ends in a group of chains": [
      chord(numbers, chain(sum.s(), group(chain(inc.s(), inc.s()), inc.s()))),
      [7, 6],
    ],
    "a chord in a chain": [chain(chord(numbers, sum.s()), inc.s(), inc.s()), 7],
    "a chord after a task": [chain(inc.si(0), chord([inc.s(), inc.s()], sum.s())), 4],
    "a group after a task": [chain(inc.si(0), group(inc.s(), inc.s())), [2, 2]],
    "a group between tasks": [chain(inc.si(0), group(inc.s(), inc.s()), sum.s(), inc.s()), 5],
    "a group after a group": [chain(group(...numbers), group(sum.s(), same.s())), [5, [2, 3]]],
    "a group of one between tasks": [chain(inc.si(0), group(inc.s()), same.s()), [2]],
    "groups, twice, between tasks": [
      chain(inc.si(0), group(inc.s(), inc.s()), sum.s(), group(inc.s(), inc.s()), sum.s()),
      10,
    ],
    "a chord whose members are such chains": [
      chord([chain(inc.si(0), group(inc.s(), inc.s()), sum.s()), chain(inc.si(1), group(inc.s()), sum.s())], sum.s()),
      7,
    ],
    "a map": [inc.map([1, 2]), [2, 3]],
    "a starmap": [
      add.starmap([
        [1, 2],
        [3, 4],
      ]),
      [3, 7],
    ],
    chunks: [
      add.chunks(
        [
          { x: 1, y: 2 },
          { x: 3, y: 4 },
          { x: 5, y: 6 },
        ],
        2,
      ),
      [[3, 7], [11]],
    ],
    "chunks before a task": [
      chain(
        add.chunks(
          [
            { x: 1, y: 2 },
            { x: 3, y: 4 },
          ],
          1,
        ),
        same.s(),
      ),
      [[3], [7]],
    ],
    "a map in a chord": [chord([inc.map([1, 2]), inc.map([3])], same.s()), [[2, 3], [4]]],
  };
}

function declare(app: App) {
  const notes = new Map<string, PromiseWithResolvers<unknown>>();
  const noteOf = (key: string): PromiseWithResolvers<unknown> => {
    const note = notes.get(key) ?? Promise.withResolvers<unknown>();
    notes.set(key, note);
    return note;
  };
  const inc = app.task("w.inc", (n: number) => n + 1);
  const sum = app.task("w.sum", (all: readonly number[]) => all.reduce((total, each) => total + each, 0));
  const same = app.task("w.same", (value: unknown) => value);
  const add = app.task("w.add", { positional: ["x", "y"] }, ({ x, y }: { x: number; y: number }) => x + y);
  const fail = app.task("w.fail", (name: string): number => {
    throw new Error(`${name} failed`);
  });
  const ignored = app.task("w.ignored", (_: number): number => {
    throw new Ignore();
  });
  const rejected = app.task("w.rejected", (_: number, ctx): number => ctx.reject({ reason: "no use" }));
  return {
    inc,
    sum,
    same,
    add,
    fail,
    members: {
      fail: fail.si("the member"),
      late: inc.si(1).set({ expires: 0.001 }),
      rejected: rejected.si(1),
      ignored: ignored.si(1),
    },
    noted: (key: string) => noteOf(key).promise,
    note: app.task("w.note", { positional: ["value", "key"] }, ({ value, key }: { value: unknown; key: string }) =>
      noteOf(key).resolve(value),
    ),
    stamps: app.task("w.stamps", (_: number, ctx) => ctx.request.stamps),
    flaky: app.task("w.flaky", { retry: { limit: 3, delay: "10ms" } }, (n: number, ctx) => {
      if (ctx.attempt < 3) throw new Error("not yet");
      return n + 1;
    }),
    adding: app.task("w.adding", async (n: number, ctx) => {
      for (let index = 0; index < n; index++) await ctx.addToChord(inc.si(index - 1));
      return `added ${String(n)}`;
    }),
    starting: app.task("w.starting", async (n: number) => {
      const members = Array.from({ length: n }, () => inc.si(1));
      return (await app.delay(chord(members, sum.s()))).id;
    }),
    replace: app.task("w.replace", ({ by, left = 2 }: { by: string; left?: number }, ctx): unknown => {
      switch (by) {
        case "chain":
          return ctx.replace(chain(inc.si(10), inc.s()));
        case "group":
          return ctx.replace(group(inc.si(10), inc.si(11)));
        case "chord":
          return ctx.replace(chord([inc.si(10), inc.si(11)], same.s()));
        case "again":
          return left > 0 ? ctx.replace(app.signature("w.replace", { by, left: left - 1 })) : ctx.replace(inc.si(10));
        default:
          return ctx.replace(inc.si(10));
      }
    }),
  };
}
