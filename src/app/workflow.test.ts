/** Workflows from the outside: started here, run by a worker in this process, read by their handles. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chain } from "../canvas/chain.ts";
import { chord } from "../canvas/chord.ts";
import { group } from "../canvas/group.ts";
import { signatureOf } from "../canvas/rebuild.ts";
import type { CeleriacError } from "../error/celeriac-error.ts";
import type { Signature } from "../task/signature.ts";
import { Secret } from "../wire/secret.ts";
import { type App, createApp } from "./app.ts";
import type { GroupResult } from "./group-result.ts";
import type { Task } from "./task-handle.ts";

let made = 0;
let app: App;
let double: Task<number, number>;
let sum: Task<readonly number[], number>;
let fail: Task<number, number>;
let note: Task<string, null>;
let noted: string[];
const soon = { timeout: "60s" } as const;

beforeEach(() => {
  app = createApp({ broker: `memory:workflow-test-${++made}` });
  noted = [];
  double = app.task("double", (n: number) => n * 2);
  sum = app.task("sum", (all: readonly number[]) => all.reduce((total, each) => total + each, 0));
  fail = app.task("fail", (n: number): number => {
    throw new TypeError(`no ${n}`);
  });
  note = app.task("note", (id: string) => {
    noted.push(id);
  });
});
afterEach(() => app.close());

const caught = (promise: Promise<unknown>): Promise<CeleriacError> =>
  promise.then(
    () => Promise.reject(new Error("it resolved")),
    (error: unknown) => error as CeleriacError,
  );

describe("a workflow", () => {
  it("gives the result that its types say", async () => {
    await using _worker = await app.work({ pool: "inline" });
    const numbers = [1, 2, 3];
    const results = await Promise.all([
      app.delay(double.si(4)).then((sent) => sent.get(soon)),
      app.delay(chain(double.si(4), double.s(), chain(double.s()))).then((sent) => sent.get(soon)),
      app.delay(group(double.si(4), group(double.si(5), double.si(6)))).then((sent) => sent.get(soon)),
      app.delay(group(numbers.map((n) => double.si(n)))).then((sent) => sent.get(soon)),
      app.delay(chord(group([double.si(1)]), chain(sum.s(), double.s()))).then((sent) => sent.get(soon)),
      app.delay(chain(group([double.si(1), double.si(2)]), sum.s(), double.s())).then((sent) => sent.get(soon)),
      app.delay(chain(double.si(1), group(double.s(), double.s()))).then((sent) => sent.get(soon)),
      app.delay(group(chain(double.si(1), group(double.s())), double.si(3))).then((sent) => sent.get(soon)),
      app.delay(double.map([1, 2])).then((sent) => sent.get(soon)),
      app.delay(double.chunks([1, 2, 3], 2)).then((sent) => sent.get(soon)),
      app.delay(group()).then((sent) => sent.get(soon)),
    ]);
    expect(results).toEqual([8, 32, [8, 10, 12], [2, 4, 6], 4, 12, [4, 4], [[4], 6], [2, 4], [[2, 4], [6]], []]); // prettier-ignore
  });

  it("takes objects, presets, positions and arguments as they come", async () => {
    const name = app.task("name", ({ text, of }: { text: string; of: number }) => ({ text: `${text} of ${of}` }));
    const shout = app.task("shout", ({ text, mark }: { text: string; mark?: string }) => ({
      text: text + (mark ?? ""),
    }));
    const power = app.task(
      "power",
      { positional: ["base", "to?"] },
      ({ base, to = 2 }: { base: number; to?: number }) => base ** to,
    );
    const all = app.task("all", { raw: true }, ({ args, kwargs }) => [...args, kwargs]);
    await using _worker = await app.work({ pool: "inline" });
    const end = async <R>(workflow: Signature<unknown, R>): Promise<R> => (await app.delay(workflow)).get(soon);
    expect(await end(chain(name.si({ text: "a", of: 1 }), shout.s({ mark: "!" })))).toEqual({ text: "a of 1!" });
    expect(await end(chain(double.si(1), power.s({ to: 3 }), power.s()))).toBe(64);
    expect(await end(chain(double.si(1), all.s({ args: ["x"], kwargs: { k: 1 } })))).toEqual([2, "x", { k: 1 }]);
    expect(await end(power.map([{ base: 2 }, { base: 2, to: 3 }]))).toEqual([4, 8]);
    expect(await end(power.starmap([[3], [2, 4]]))).toEqual([9, 16]);
    expect(await end(name.map([{ text: "a", of: 1 }]))).toEqual([{ text: "a of 1" }]);
    expect(await end(all.map([{ args: [1, 2], kwargs: {} }]))).toEqual([[1, 2, {}]]);
    const parts = await (await app.delay(name.chunks([{ text: "a", of: 1 }, { text: "b", of: 2 }], 1))).get(soon); // prettier-ignore
    expect(parts).toEqual([[{ text: "a of 1" }], [{ text: "b of 2" }]]);
    expect(() => all.map([{ args: [], kwargs: { k: 1 } }])).toThrow(/positions, so "k" cannot/);
    expect(await end(chain(double.si(1), app.signature<(n: number) => number>("double")))).toBe(4);
  });

  it("is known by its parts", async () => {
    await using _worker = await app.work({ pool: "inline" });
    const sent = await app.enqueue(chain(double.si(1), chord([double.s(), double.s()], sum.s())), { id: "end" });
    expect(await sent.get(soon)).toBe(8);
    expect(sent.id).toBe("end");
    const members = sent.parent as GroupResult<number[]>;
    expect(await members.get(soon)).toEqual([4, 4]);
    expect(await members.parent?.get(soon)).toBe(2);
    expect(members.parent?.parent).toBeUndefined();
    const again = await app.enqueue(chain(double.si(1), chord([double.s(), double.s()], sum.s())), { id: "end" });
    expect([again.duplicate, sent.duplicate]).toEqual([true, false]);
    const named = await app.delay(group(double.si(1), double.si(2)).set({ id: "both" }));
    expect([named.id, (await named.get(soon)).length]).toEqual(["both", 2]);
    expect((await app.delay(group(double.si(1), double.si(2)).set({ id: "both" }))).duplicate).toBe(true);
  });

  it("fails with its first failure, and tells its error callbacks", async () => {
    await using _worker = await app.work({ pool: "inline" });
    const sent = await app.enqueue(chain(double.si(1), fail.s(), double.s()), { linkError: note.s() });
    expect(await caught(sent.get(soon))).toMatchObject({ code: "TASK_FAILED", type: "TypeError" });
    await expect.poll(() => noted).toEqual([sent.parent?.id]);
    const chorded = await app.delay(chord([double.si(1), fail.si(7)], sum.s()).linkError(note.s()));
    expect(await caught(chorded.get(soon))).toMatchObject({ code: "TASK_FAILED", type: "ChordError" });
    await expect.poll(() => noted.at(-1)).toBe(chorded.id);
    const grouped = await app.delay(group(fail.si(1), double.si(2)).linkError(note.s()));
    expect(await caught(grouped.get(soon))).toMatchObject({ code: "GROUP_FAILED", index: 0, total: 2 });
    expect((await grouped.settled(soon)).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    await expect.poll(() => noted.at(-1)).toBe(grouped.results[0].id);
  });

  it("links its end", async () => {
    const told: number[] = [];
    const tell = app.task("tell", (n: number) => void told.push(n));
    await using _worker = await app.work({ pool: "inline" });
    await app.enqueue(chain(double.si(1), double.s()), { link: tell.s() });
    await app.delay(chord([double.si(1), double.si(2)], sum.s()).link(tell.s()));
    await expect.poll(() => told.toSorted((x, y) => x - y)).toEqual([4, 6]);
    expect((await caught(app.enqueue(group(double.si(1)) as Signature<unknown, unknown>, { link: tell.si(1) }))).code).toBe("CONFIG_INVALID"); // prettier-ignore
  });

  it("may be what a call links to", async () => {
    const told: number[] = [];
    const tell = app.task("tell", (n: number) => void told.push(n));
    await using _worker = await app.work({ pool: "inline" });
    await double.enqueue(1, { link: [chain(double.s(), tell.s()), group(double.s(), tell.s())] });
    await expect.poll(() => told.toSorted((x, y) => x - y)).toEqual([2, 4]);
    await double.enqueue(2, { link: chord([double.s(), double.s()], chain(sum.s(), tell.s())) });
    await expect.poll(() => told.at(-1)).toBe(16);
  });

  it("comes back from JSON and runs", async () => {
    await using _worker = await app.work({ pool: "inline" });
    const text = JSON.stringify(chain(group([double.si(1), double.si(2)]), sum.s()).stamp({ tenant: "t" }));
    expect(await (await app.delay(signatureOf(JSON.parse(text)))).get(soon)).toBe(6);
  });

  it("with nothing in it is refused", async () => {
    expect((await caught(app.delay(chain() as unknown as Signature<unknown, unknown>))).code).toBe("CONFIG_INVALID");
    expect(() => app.signature("9 lives")).toThrow(expect.objectContaining({ code: "NAME_INVALID" }) as Error);
  });
});

describe("inside a handler", () => {
  it("a member joins the chord", async () => {
    const count = app.task("count", async (n: number, ctx): Promise<number> => {
      if (n > 0) await ctx.addToChord(count.si(n - 1));
      return n;
    }) as Task<number, number>;
    await using _worker = await app.work({ pool: "inline" });
    expect(await (await app.delay(chord([count.si(3), count.si(1)], sum.s()))).get(soon)).toBe(7);
    expect(await caught((await count.delay(1)).get(soon))).toMatchObject({ details: { code: "CONFIG_INVALID" } });
  });

  it("workflows start, take the task's place, and are returned", async () => {
    const split = app.task("split", (n: number, ctx) =>
      n > 1 ? ctx.replace(chord([double.si(n), double.si(n)], sum.s())) : n,
    );
    const start = app.task("start", async (n: number) => app.delay(group(double.si(n), double.si(n + 1))));
    const join = app.task("join", async (n: number) => {
      const sent = await app.delay(group([double.si(n), double.si(n + 1)]));
      return (await sent.get(soon)).length + (await sent.progress()).done;
    });
    const none = app.task("none", (_: number, ctx) => ctx.replace(chain() as unknown as Signature<unknown, number>));
    await using _worker = await app.work({ pool: "inline", concurrency: 4 });
    expect(await (await app.delay(chain(split.si(3), double.s()))).get(soon)).toBe(24);
    const sent = await start.delay(1);
    const [[id], members] = await sent.get(soon);
    expect(members).toHaveLength(2);
    const again = app.result<number[]>(await sent.get(soon)) as GroupResult<number[]>;
    expect([again.id, await again.get(soon), again.results.length]).toEqual([id, [2, 4], 2]);
    for (const none of [[], [[]], [[3, null], null], {}, null])
      expect(() => app.result(none as never)).toThrow(
        expect.objectContaining({ code: "MESSAGE_UNDECODABLE" }) as Error,
      );
    const [child] = await sent.children();
    expect([child?.id, await child?.get(soon)]).toEqual([id, [2, 4]]);
    expect((await sent.graph()).nodes).toHaveLength(4);
    expect(await (await join.delay(1)).get(soon)).toBe(4);
    expect(await caught((await none.delay(1)).get(soon))).toMatchObject({ details: { code: "CONFIG_INVALID" } });
  });
});

describe("headers that a call is given when it is sent, or by what it is part of", () => {
  it("leave what its own say of its arguments: a Secret comes as one, and what is redacted stays marked", async () => {
    const seen: unknown[] = [];
    const task = app.task("t.paid", { redact: ["pin"] }, (input: { pin: string; token: Secret<string> }, ctx) => {
      seen.push([input.pin, input.token.reveal(), ctx.headers["note"]]);
    });
    const call = task.si({ pin: "4711", token: new Secret("sk-1") });
    const headers = { note: "shop" };
    await using _worker = await app.work({ pool: "inline" });
    const sent = [
      await app.enqueue(call, { headers }),
      await app.enqueue(call.set({ headers })),
      await app.enqueue(chain(call, call), { headers }),
    ];
    for (const each of sent) await each.get(soon);
    expect(seen).toEqual(Array.from({ length: 4 }, () => ["4711", "sk-1", "shop"]));
    expect(call.set({ headers }).toJSON().options["headers"]).toMatchObject({
      ...headers,
      "celeriac.redact": ["/kwargs/pin", "/args/0/pin"],
    });
  });
});
