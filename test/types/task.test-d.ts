/** What the compiler knows of tasks: where types come from, what JSON leaves of them, and what is refused before it runs. */

import {
  type App,
  type AsyncResult,
  createApp,
  type Jsonify,
  Ignore,
  type Outcome,
  Secret,
  type Task,
  type TaskContext,
} from "celeriac";
import * as v from "valibot";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";

const app: App = createApp({ broker: "memory:types" });

const resize = app.task("image.resize", async (image: { file: string; width: number }) => {
  return { file: `${image.file}@${image.width}`, bytes: image.width * 3 };
});
const receipt = app.task(
  "receipt.send",
  { input: z.object({ order: z.number().int(), copy: z.boolean().default(false) }), queue: "mail", timeLimit: "30s" },
  async ({ order, copy }, ctx) => {
    expectTypeOf(order).toEqualTypeOf<number>();
    expectTypeOf(copy).toEqualTypeOf<boolean>();
    expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
    return { messageId: `${order}` };
  },
);

describe("types from the function", () => {
  it("gives producers the handler's input and JSON's part of its result", () => {
    expectTypeOf(resize).toEqualTypeOf<Task<{ file: string; width: number }, { file: string; bytes: number }>>();
    expectTypeOf(resize.delay({ file: "a", width: 1 })).toEqualTypeOf<
      Promise<AsyncResult<{ file: string; bytes: number }>>
    >();
    expectTypeOf(resize.enqueueMany([{ file: "a", width: 1 }])).resolves.toEqualTypeOf<
      readonly AsyncResult<{ file: string; bytes: number }>[]
    >();
    // @ts-expect-error a member is missing
    void resize.delay({ file: "a" });
    // @ts-expect-error a wrong type
    void resize.delay({ file: "a", width: "1" });
    // @ts-expect-error the input is required
    void resize.delay();
    // @ts-expect-error no such option
    void resize.enqueue({ file: "a", width: 1 }, { prioritty: 3 });
    // @ts-expect-error a duration without a unit
    void resize.enqueue({ file: "a", width: 1 }, { delay: "10" });
    // @ts-expect-error a duration with a wrong unit
    void resize.enqueue({ file: "a", width: 1 }, { delay: "10 years" });
  });

  it("lets an absent input be left out", () => {
    const none = app.task("none", () => 1);
    const ctxOnly = app.task("ctx.only", (_input, ctx) => ctx.id);
    const maybe = app.task("maybe", (input?: { n: number }) => input?.n ?? 0);
    const preset = app.task("preset", (n?: number) => n ?? 5);
    void none.delay();
    void ctxOnly.delay();
    void maybe.delay();
    void maybe.delay({ n: 1 });
    void preset.delay();
    void preset.delay(3);
    expectTypeOf(none).toEqualTypeOf<Task<void, number>>();
    expectTypeOf(ctxOnly).toEqualTypeOf<Task<void, string>>();
    // @ts-expect-error it takes nothing
    void none.delay({ n: 1 });
    // @ts-expect-error a wrong type
    void preset.delay("3");
  });

  it("takes anything JSON has as input", () => {
    const text = app.task("text", (input: string) => input.length);
    const list = app.task("list", { queue: "slow" }, async (input: readonly number[]) => input.length);
    void text.delay("a");
    void list.delay([1, 2]);
    expectTypeOf(list).toEqualTypeOf<Task<readonly number[], number>>();
    // @ts-expect-error not a text
    void text.delay(3);
  });
});

describe("types from the schema", () => {
  it("gives producers its input and the handler its output", () => {
    expectTypeOf(receipt).toEqualTypeOf<Task<{ order: number; copy?: boolean | undefined }, { messageId: string }>>();
    void receipt.delay({ order: 7 });
    // @ts-expect-error the order is required
    void receipt.delay({ copy: true });
    // @ts-expect-error the input is required
    void receipt.delay();

    const parsed = app.task("parsed", { input: z.string().transform(Number) }, (n) => {
      expectTypeOf(n).toEqualTypeOf<number>();
      return n;
    });
    void parsed.delay("3");
    // @ts-expect-error producers give the schema's input
    void parsed.delay(3);
  });

  it("lets an input of optional members be left out", () => {
    const all = app.task("all", { input: v.object({ page: v.optional(v.number(), 1) }) }, ({ page }) => page);
    void all.delay();
    void all.delay({ page: 2 });
    const whole = app.task("whole", { input: z.number().optional() }, (n) => n ?? 0);
    void whole.delay();
    // @ts-expect-error a wrong type
    void all.delay({ page: "2" });
  });

  it("checks the handler against the schema", () => {
    // @ts-expect-error the schema gives a number
    app.task("wrong", { input: z.object({ order: z.number() }) }, (input: { order: string }) => input.order);
  });
});

describe("results", () => {
  it("are what JSON leaves of them", () => {
    const mixed = app.task("mixed", () => ({
      at: new Date(),
      big: 1n,
      bytes: Buffer.from(""),
      gone: undefined as string | undefined,
      tuple: [1, "a"] as [number, string],
      url: new URL("http://localhost"),
    }));
    expectTypeOf<ResultOf<typeof mixed>>().toEqualTypeOf<{
      at: Date;
      big: bigint;
      bytes: Uint8Array;
      gone?: string;
      tuple: [number, string];
      url: string;
    }>();
    expectTypeOf(app.task("void", async () => {})).toEqualTypeOf<Task<void, null>>();
    expectTypeOf<Jsonify<unknown>>().toEqualTypeOf<unknown>();
    expectTypeOf<Jsonify<{ text: string; n: { toJSON(): number } }>>().toEqualTypeOf<{ text: string; n: number }>();
    expectTypeOf<Jsonify<string | undefined>>().toEqualTypeOf<string | null>();
    expectTypeOf<Jsonify<Tree>>().toExtend<{ name: string; children: { name: string }[] }>();
    app.task("tree", (): Tree => ({ name: "a", children: [] }));
    app.task("json", (input: Json): Json => input);
    app.task("never", (): never => {
      throw new Ignore();
    });
  });

  it("that JSON cannot carry are refused where the task is declared", () => {
    // @ts-expect-error a Map
    app.task("map", () => new Map([[1, 2]]));
    // @ts-expect-error a Set, deep inside
    app.task("set", async () => ({ rows: [{ tags: new Set(["a"]) }] }));
    // @ts-expect-error a function
    app.task("function", () => () => 1);
    // @ts-expect-error a method
    app.task("method", { queue: "slow" }, () => ({ close() {} }));
    // @ts-expect-error a symbol
    app.task("symbol", () => Symbol("a"));
    // @ts-expect-error an optional Map
    app.task("maybe.map", (n: number): { m?: Map<string, string> } => (n > 0 ? { m: new Map() } : {}));
    // @ts-expect-error a Map, with a schema
    app.task("schema.map", { input: z.number() }, (n) => new Map([[n, n]]));
    // @ts-expect-error a promise inside
    app.task("promise", () => ({ later: Promise.resolve(1) }));
    // @ts-expect-error a Map beside a text
    app.task("text.map", () => ({ text: "a", map: new Map<string, string>() }));
  });
});

describe("positions", () => {
  it("list every key once", () => {
    const add = app.task("add", { positional: ["x", "y"] }, ({ x, y }: { x: number; y: number }) => x + y);
    expectTypeOf(add).toEqualTypeOf<Task<{ x: number; y: number }, number, readonly ["x", "y"]>>();
    const asked = app.task("add.c", { positional: ["x", "y"] }, ({ x, y }: { x: number; y: number }, ctx) => {
      expectTypeOf(ctx).toEqualTypeOf<TaskContext>();
      return x + y;
    });
    expectTypeOf(asked).toEqualTypeOf<Task<{ x: number; y: number }, number, readonly ["x", "y"]>>();
    // @ts-expect-error "y" is not listed
    app.task("add.d", { positional: ["x"] }, ({ x, y }: { x: number; y: number }, ctx) => x + y + ctx.attempt);
    app.task("add.z", { positional: ["x", "z?"] }, ({ x, z = 1 }: { x: number; z?: number }) => x + z);
    app.task(
      "add.s",
      { input: z.object({ x: z.number(), z: z.number().default(1) }), positional: ["x", "z?"] },
      ({ x, z }) => {
        expectTypeOf(z).toEqualTypeOf<number>();
        return x + z;
      },
    );
    // @ts-expect-error "y" is not listed
    app.task("add.1", { positional: ["x"] }, ({ x, y }: { x: number; y: number }) => x + y);
    // @ts-expect-error "z" does not exist
    app.task("add.2", { positional: ["x", "y", "z"] }, ({ x, y }: { x: number; y: number }) => x + y);
    // @ts-expect-error "x" is listed twice
    app.task("add.3", { positional: ["x", "y", "x"] }, ({ x, y }: { x: number; y: number }) => x + y);
    // @ts-expect-error "y" is required
    app.task("add.4", { positional: ["x", "y?"] }, ({ x, y }: { x: number; y: number }) => x + y);
    // @ts-expect-error "z" is not listed
    app.task("add.5", { input: z.object({ x: z.number(), z: z.number() }), positional: ["x"] }, ({ x, z }) => x + z);
  });

  it("can be taken raw", () => {
    const sum = app.task("sum", { raw: true }, ({ args }) => args.length);
    void sum.delay({ args: [1, 2], kwargs: {} });
    // @ts-expect-error both are needed
    void sum.delay({ args: [1, 2] });
  });
});

describe("remote tasks", () => {
  it("take the arguments of their function", () => {
    const score = app.remote<(text: string, top: number) => number>("ml.tasks.score", { queue: "ml" });
    expectTypeOf(score.delay("a", 3)).resolves.toEqualTypeOf<AsyncResult<number>>();
    void score.enqueue(["a", 3], { priority: 3 });
    // @ts-expect-error one is missing
    void score.delay("a");
    // @ts-expect-error in the wrong order
    void score.enqueue([3, "a"]);
    const one = app.remote<(input: { order: number }) => Promise<string>>("one");
    void one.enqueue({ order: 7 });
    expectTypeOf(one.delay({ order: 7 })).resolves.toEqualTypeOf<AsyncResult<string>>();
    const list = app.remote<(items: string[]) => number>("list");
    void list.enqueue([["a"]]);
    // @ts-expect-error the arguments, not the list itself
    void list.enqueue(["a"]);
  });
});

describe("signatures", () => {
  it("join only what fits", () => {
    const announce = app.task("announce", (input: { file: string; bytes: number; channel: string }) => input.channel);
    const failed = app.task("failed", (id: string) => id);
    void resize.enqueue({ file: "a", width: 1 }, { link: announce.s({ channel: "#shop" }), linkError: failed.s() });
    void resize.enqueue({ file: "a", width: 1 }, { link: [receipt.si({ order: 1 }), announce.s({ channel: "x" })] });
    // @ts-expect-error the channel is missing
    void resize.enqueue({ file: "a", width: 1 }, { link: announce.s() });
    // @ts-expect-error takes a number, not the result
    void resize.enqueue({ file: "a", width: 1 }, { link: app.task("n", (n: number) => n).s() });
    // @ts-expect-error gets an id
    void resize.enqueue({ file: "a", width: 1 }, { linkError: app.task("m", (n: number) => n).s() });
    // @ts-expect-error no such key
    announce.s({ chanel: "#shop" });
    // @ts-expect-error the whole input
    announce.si({ channel: "#shop" });
    resize.s().link(announce.s({ channel: "a" }));
    // @ts-expect-error the channel is missing
    resize.s().link(announce.s());
  });
});

describe("a batch", () => {
  it("takes many inputs and gives an outcome for each", () => {
    const store = app.task(
      "batch.a",
      { batch: { max: 10 } },
      async (rows: readonly { id: number }[], { items, signal }) => {
        expectTypeOf(items).toEqualTypeOf<readonly TaskContext[]>();
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        return rows.map(({ id }): Outcome<string> =>
          id > 0 ? { value: String(id) } : { reason: new Error("no row") },
        );
      },
    );
    expectTypeOf(store).toEqualTypeOf<Task<{ id: number }, string>>();
    expectTypeOf(store.delay({ id: 1 })).resolves.toEqualTypeOf<AsyncResult<string>>();
    const settled = app.task("batch.b", { batch: { max: 10, maxWait: "1s" } }, (rows: readonly { id: number }[]) =>
      Promise.allSettled(rows.map(async ({ id }) => id)),
    );
    expectTypeOf(settled).toEqualTypeOf<Task<{ id: number }, number>>();
    const checked = app.task(
      "batch.c",
      { batch: { max: 10 }, input: z.object({ order: z.number(), copy: z.boolean().default(false) }) },
      (orders) => orders.map(({ order, copy }) => ({ value: copy ? order : 0 })),
    );
    expectTypeOf(checked.delay({ order: 1 })).resolves.toEqualTypeOf<AsyncResult<number>>();
    // @ts-expect-error -- one input at a time, as any other task
    void store.delay([{ id: 1 }]);
    // @ts-expect-error -- the handler takes a list
    app.task("batch.d", { batch: { max: 10 } }, async (row: { id: number }) => [{ value: row.id }]);
    // @ts-expect-error -- an outcome for each, and no plain values
    app.task("batch.e", { batch: { max: 10 } }, (rows: readonly { id: number }[]) => rows.map(({ id }) => id));
    // @ts-expect-error -- how many at most
    app.task("batch.f", { batch: {} }, (rows: readonly { id: number }[]) => rows.map(({ id }) => ({ value: id })));
  });
});

describe("calls of one key", () => {
  it("say what goes together", () => {
    const key = (input: { doc: string }): string => input.doc;
    const index = app.task(
      "calls.a",
      { unique: { key, whenConflict: "queueLatest" } },
      ({ doc }: { doc: string }) => doc,
    );
    expectTypeOf(index).toEqualTypeOf<Task<{ doc: string }, string>>();
    expectTypeOf(index.delay({ doc: "a" }).then(({ became }) => became)).resolves.toEqualTypeOf<
      "sent" | "joined" | "replaced"
    >();
    app.task("calls.b", { unique: { key: "all", for: "queued", whenConflict: "replace", ttl: "1h" } }, () => 1);
    app.task("calls.c", { debounce: { key, wait: "1s" } }, (_: { doc: string }) => 1);
    app.task("calls.d", { throttle: { key, period: "1h", trailing: true } }, (_: { doc: string }) => 1);
    // @ts-expect-error -- what runs is not replaced
    app.task("calls.e", { unique: { key: "k", whenConflict: "replace" } }, () => 1);
    // @ts-expect-error -- what is queued alone has no run to wait for
    app.task("calls.f", { unique: { key: "k", for: "queued", whenConflict: "queueLatest" } }, () => 1);
    // @ts-expect-error -- a key is a text
    app.task("calls.g", { unique: { key: () => 7 } }, () => 1);
    // @ts-expect-error -- how long
    app.task("calls.h", { debounce: { key: "k" } }, () => 1);
    // @ts-expect-error -- "1 hour" is no length of time
    app.task("calls.i", { throttle: { key: "k", period: "1 hour" } }, () => 1);
  });
});

describe("a rate", () => {
  it("has Celery's units, and a key of the call's input", () => {
    app.task("rate.a", { rate: 5 }, () => 1);
    app.task("rate.b", { rate: "10/m" }, () => 1);
    const key = ({ customer }: { customer: string }): string => customer;
    const keyed = app.task("rate.c", { rate: { limit: "5/s", key } }, (_: { customer: string }) => 1);
    expectTypeOf<Parameters<typeof keyed.delay>>().toEqualTypeOf<[input: { customer: string }]>();
    // @ts-expect-error there are no days
    app.task("rate.d", { rate: "10/d" }, () => 1);
    // @ts-expect-error nobody else shares it
    app.task("rate.e", { rate: { limit: 1, per: "queue" } }, () => 1);
  });
});

describe("a secret", () => {
  it("is asked for by its task's type, whole in its handler, and no result", () => {
    const charge = app.task(
      "secret.a",
      { redact: ["card.number"] },
      (input: { token: Secret<string>; card: object }) => {
        expectTypeOf(input.token.reveal()).toEqualTypeOf<string>();
        return 1;
      },
    );
    void charge.delay({ token: new Secret("x"), card: {} });
    void charge.si({ token: new Secret("x"), card: {} });
    // @ts-expect-error a bare text could be shown
    void charge.delay({ token: "x", card: {} });
    // @ts-expect-error it keeps the type of its value
    void charge.delay({ token: new Secret(7), card: {} });
    // @ts-expect-error results are kept and shown
    app.task("secret.b", (input: { token: Secret<string> }) => ({ again: input.token }));
    expectTypeOf(Secret.reveal<string>("x")).toEqualTypeOf<string>();
    app.task("secret.c", { redact: ({ kwargs }) => Object.keys(kwargs) }, (_: { n: number }) => 1);
    // @ts-expect-error paths are texts
    app.task("secret.d", { redact: [1] }, (_: { n: number }) => 1);
  });
});

type ResultOf<T> =
  T extends Task<never, infer R>
    ? R
    : T extends { delay(...input: never[]): Promise<AsyncResult<infer R>> }
      ? R
      : never;
interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
