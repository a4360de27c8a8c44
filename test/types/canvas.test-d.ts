/** What the compiler knows of workflows: what fits what, and what is refused before it runs. */

import {
  type App,
  type AsyncResult,
  type Chain,
  chain,
  type Chord,
  chord,
  createApp,
  type Group,
  group,
  type GroupChain,
  type GroupResult,
  type Signature,
  signatureOf,
} from "celeriac";
import { describe, expectTypeOf, it } from "vitest";

const app: App = createApp({ broker: "memory:types" });

const fetchText = app.task("fetch", async (page: { url: string }) => ({ text: page.url, bytes: 3 }));
const count = app.task("count", ({ text }: { text: string; least?: number }) => text.length);
const double = app.task("double", (n: number) => n * 2);
const sum = app.task("sum", (all: readonly number[]) => all.length);
const label = app.task("label", (input: { total: number; unit: string }) => input.unit);
const show = app.task("show", (input: { text: string; channel: string }) => input.channel);
const add = app.task("add", { positional: ["x", "y"] }, ({ x, y }: { x: number; y: number }) => x + y);
const failed = app.task("failed", (id: string) => id);
const score = app.remote<(text: string, top: number) => number>("ml.score");
const log = app.task("log", { raw: true }, ({ args }) => args.length);

describe("a chain", () => {
  it("takes what its first step needs and returns what its last one does", () => {
    expectTypeOf(chain(fetchText.s(), count.s(), double.s())).toEqualTypeOf<Chain<{ url: string }, number>>();
    expectTypeOf(chain(fetchText.si({ url: "a" }), show.s({ channel: "b" }))).toEqualTypeOf<Chain<unknown, string>>();
    expectTypeOf(chain(chain(fetchText.s(), count.s()), double.s())).toEqualTypeOf<Chain<{ url: string }, number>>();
    chain(double.si(1), fetchText.si({ url: "a" }), failed.si("b"));
    chain(fetchText.si({ url: "a" }), log.s());
    chain(double.si(1), double.s().set({ queue: "slow" }).stamp({ tenant: "a" }), double.s());
  });

  it("does not join what does not fit", () => {
    // @ts-expect-error step 2 takes a number, not an object
    chain(fetchText.s(), double.s());
    // @ts-expect-error step 3 takes an object, not a number
    chain(fetchText.s(), count.s(), count.s());
    // @ts-expect-error the channel is missing
    chain(fetchText.s(), show.s());
    // @ts-expect-error a number cannot be merged under a preset, though nothing else is needed
    chain(double.si(1), count.s({ text: "a" }));
    // @ts-expect-error nor can a list
    chain(group([double.si(1)]), count.s({ text: "a" }));
    // An object can.
    chain(fetchText.si({ url: "a" }), count.s({ text: "a" }));
    // @ts-expect-error a list of steps that do not take what they return
    chain(...[fetchText.s(), fetchText.s()].slice());
    chain(...[double.s(), double.s()].slice());
  });

  it("gives positions from the first on", () => {
    expectTypeOf(chain(double.si(1), add.s({ y: 2 }))).toEqualTypeOf<Chain<unknown, number>>();
    expectTypeOf(chain(fetchText.si({ url: "a" }), chain(count.s(), add.s({ y: 2 })))).toExtend<
      Signature<unknown, number>
    >();
    // @ts-expect-error "y" must be given as well
    chain(double.si(1), add.s());
    // @ts-expect-error "x" comes from before
    add.s({ x: 1 });
    // @ts-expect-error "x" is a number
    chain(failed.si("a"), add.s({ y: 2 }));
    expectTypeOf(chain(failed.si("a"), score.s(3))).toEqualTypeOf<Chain<unknown, number>>();
    // @ts-expect-error the text is one
    chain(double.si(1), score.s(3));
  });
});

describe("a group", () => {
  it("keeps the types of its members", () => {
    expectTypeOf(group(double.si(1), failed.si("a"))).toEqualTypeOf<Group<unknown, [number, string]>>();
    expectTypeOf(group([double.si(1), failed.si("a")])).toEqualTypeOf<Group<unknown, [number, string]>>();
    expectTypeOf(group([1, 2].map((n) => double.si(n)))).toEqualTypeOf<Group<unknown, number[]>>();
    expectTypeOf(group(group(double.si(1), failed.si("a")), double.si(2))).toEqualTypeOf<
      Group<unknown, [number, string, number]>
    >();
    expectTypeOf(group(chain(double.si(1), group(double.s(), double.s())), double.si(2))).toEqualTypeOf<
      Group<unknown, [[number, number], number]>
    >();
    expectTypeOf(group()).toEqualTypeOf<Group<unknown, []>>();
  });

  it("gives its input to all of them", () => {
    expectTypeOf(group(fetchText.s(), double.si(1))).toEqualTypeOf<
      Group<{ url: string }, [{ text: string; bytes: number }, number]>
    >();
    expectTypeOf(chain(double.si(1), group(double.s(), add.s({ y: 1 })))).toEqualTypeOf<
      GroupChain<unknown, [number, number]>
    >();
    // @ts-expect-error one of them takes a text
    chain(double.si(1), group(double.s(), failed.s()));
  });

  it("has no result to link to", () => {
    // @ts-expect-error make it a chord
    group(double.si(1)).link(sum.s());
    // @ts-expect-error nor has a chain that ends in one
    chain(double.si(1), group(double.s())).link(sum.s());
    group(double.si(1)).linkError(failed.s());
    // @ts-expect-error an error callback gets an id
    group(double.si(1)).linkError(double.s());
  });
});

describe("a chord", () => {
  it("gives its body the list of results", () => {
    expectTypeOf(
      chord(
        [1, 2].map((n) => double.si(n)),
        sum.s(),
      ),
    ).toEqualTypeOf<Chord<unknown, number>>();
    expectTypeOf(chord(group(fetchText.s(), fetchText.s()), log.s())).toEqualTypeOf<Chord<{ url: string }, number>>();
    expectTypeOf(chain(group([double.si(1)]), sum.s(), double.s())).toEqualTypeOf<Chain<unknown, number>>();
    expectTypeOf(chord([double.si(1)], chain(sum.s(), double.s()))).toEqualTypeOf<Chord<unknown, number>>();
    chord([double.si(1), double.si(2)], sum.s())
      .link(double.s())
      .linkError(failed.s());
  });

  it("does not take a body that needs something else", () => {
    // @ts-expect-error one number
    chord([double.si(1)], double.s());
    // @ts-expect-error texts
    chord([failed.si("a"), failed.si("b")], sum.s());
    // @ts-expect-error a list cannot be merged under a preset
    chord([double.si(1)], label.s({ unit: "m" }));
    // @ts-expect-error not even where nothing else is needed
    chord([double.si(1)], label.s({ unit: "m", total: 1 }));
    // @ts-expect-error the body's result
    chord([double.si(1)], sum.s()).link(failed.s());
    chord([double.si(1)], label.si({ unit: "m", total: 1 }));
  });
});

describe("many calls in one message", () => {
  it("take inputs, or lists of arguments", () => {
    expectTypeOf(fetchText.map([{ url: "a" }])).toEqualTypeOf<Signature<unknown, { text: string; bytes: number }[]>>();
    expectTypeOf(add.starmap([[1, 2]])).toEqualTypeOf<Signature<unknown, number[]>>();
    expectTypeOf(add.map([{ x: 1, y: 2 }])).toEqualTypeOf<Signature<unknown, number[]>>();
    expectTypeOf(add.chunks([{ x: 1, y: 2 }], 10)).toEqualTypeOf<Group<unknown, number[][]>>();
    expectTypeOf(score.starmap([["a", 1]])).toEqualTypeOf<Signature<unknown, number[]>>();
    expectTypeOf(app.delay(score.chunks([["a", 1]], 5))).resolves.toEqualTypeOf<GroupResult<number[][]>>();
    chord(double.chunks([1, 2], 1), app.task("flat", (parts: number[][]) => parts.length).s());
    // @ts-expect-error not an input
    fetchText.map(["a"]);
    // @ts-expect-error a text
    add.starmap([[1, "a"]]);
    // @ts-expect-error one is missing
    add.starmap([[1]]);
    // @ts-expect-error it needs two arguments
    score.map(["a"]);
    // @ts-expect-error not an input
    double.chunks(["a"], 2);
  });
});

describe("starting", () => {
  it("takes what needs nothing more", () => {
    expectTypeOf(app.delay(double.si(1))).resolves.toEqualTypeOf<AsyncResult<number>>();
    expectTypeOf(app.delay(chain(double.si(1), failed.si("a")))).resolves.toEqualTypeOf<AsyncResult<string>>();
    expectTypeOf(app.delay(chord([double.si(1)], sum.s()))).resolves.toEqualTypeOf<AsyncResult<number>>();
    expectTypeOf(app.delay(group(double.si(1), failed.si("a")))).resolves.toEqualTypeOf<
      GroupResult<[number, string]>
    >();
    expectTypeOf(
      app.enqueue(chain(double.si(1), group(double.s(), double.s())), { id: "a", delay: "1s" }),
    ).resolves.toEqualTypeOf<GroupResult<[number, number]>>();
    expectTypeOf(app.enqueue(double.si(1), { link: double.s(), linkError: failed.s() })).resolves.toEqualTypeOf<
      AsyncResult<number>
    >();
    void app.delay(app.task("none", () => 1).s());
    void app.delay(app.task("maybe", (input?: { n: number }) => input?.n ?? 0).s());
    void app.delay(fetchText.s({ url: "a" }));
    void app.delay(signatureOf({}));
    expectTypeOf(app.delay(signatureOf<Group<unknown, number[]>>({}))).resolves.toEqualTypeOf<GroupResult<number[]>>();
  });

  it("does not take what is unfinished", () => {
    // @ts-expect-error it needs a number
    void app.delay(double.s());
    // @ts-expect-error it needs a page
    void app.delay(chain(fetchText.s(), count.s()));
    // @ts-expect-error the channel is given, the text is not
    void app.delay(show.s({ channel: "a" }));
    // @ts-expect-error its members need a number
    void app.delay(group(double.s(), double.s()));
    // @ts-expect-error its members need a number
    void app.enqueue(chord([double.s()], sum.s()), {});
    // @ts-expect-error the link takes a text
    void app.enqueue(double.si(1), { link: failed.s() });
    // @ts-expect-error a group has no one result
    void app.enqueue(group(double.si(1)), { link: sum.s() });
    // @ts-expect-error no such option
    void app.enqueue(double.si(1), { dealy: "1s" });
  });

  it("gives handles of members", () => {
    const sent = null as unknown as GroupResult<[number, string]>;
    expectTypeOf(sent.results[1]).toEqualTypeOf<AsyncResult<string>>();
    expectTypeOf(sent.get()).resolves.toEqualTypeOf<[number, string]>();
    expectTypeOf(sent.settled()).resolves.toEqualTypeOf<[PromiseSettledResult<number>, PromiseSettledResult<string>]>();
    expectTypeOf(app.groupResult<number>("a")).resolves.toEqualTypeOf<GroupResult<number[]> | undefined>();
  });

  it("takes names", () => {
    expectTypeOf(app.signature<(text: string, top: number) => number>("ml.score", 3)).toEqualTypeOf<
      Signature<string, number>
    >();
    expectTypeOf(app.signature("a")).toEqualTypeOf<Signature<unknown, unknown>>();
    // @ts-expect-error the number is missing
    app.signature<(text: string, top: number) => number>("ml.score");
    // @ts-expect-error it needs a text
    void app.delay(app.signature<(text: string, top: number) => number>("ml.score", 3));
  });
});

describe("inside a handler", () => {
  it("a workflow that takes its place returns what it does", () => {
    const split = app.task("split", (n: number, ctx) => (n > 1 ? ctx.replace(chord([double.si(n)], sum.s())) : n));
    expectTypeOf(split.delay(1)).resolves.toEqualTypeOf<AsyncResult<number>>();
    // @ts-expect-error the task returns a text, the workflow a number
    app.task("wrong", (n: number, ctx): string => ctx.replace(double.si(n)));
    // @ts-expect-error it still needs a number
    app.task("open", (_: number, ctx) => ctx.replace(double.s()));
    app.task("more", async (n: number, ctx) => ctx.addToChord(double.si(n)));
    // @ts-expect-error it still needs a number
    app.task("more.open", async (_: number, ctx) => ctx.addToChord(double.s()));
  });

  it("a handle may be returned", () => {
    const sender = app.task("sender", async () => app.delay(group(double.si(1))));
    expectTypeOf(sender.delay()).resolves.toExtend<AsyncResult<readonly unknown[]>>();
  });
});
