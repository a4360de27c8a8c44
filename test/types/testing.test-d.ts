/** What the compiler knows of an app under test: inputs, results and fakes are those of the task. */

import { chain, createApp } from "celeriac";
import { type SentCall, testApp } from "celeriac/testing";
import { expectTypeOf, it } from "vitest";
import { z } from "zod";

const app = createApp({ broker: "memory:types" });
const resize = app.task("image.resize", async (image: { file: string; width: number }) => image.width * 3);
const receipt = app.task(
  "receipt",
  { input: z.object({ order: z.number(), copy: z.boolean().default(false) }) },
  () => 1,
);
const tick = app.task("tick", () => "done");
const score = app.remote<(text: string, top: number) => number>("ml.score");
const test = testApp(app);

it("knows what was sent", () => {
  expectTypeOf(test.enqueued(resize)).toEqualTypeOf<{ file: string; width: number }[]>();
  expectTypeOf(test.enqueued(receipt)).toEqualTypeOf<{ order: number; copy?: boolean | undefined }[]>();
  expectTypeOf(test.enqueued(score)).toEqualTypeOf<[text: string, top: number][]>();
  expectTypeOf(test.calls(score)).toEqualTypeOf<readonly SentCall<[text: string, top: number]>[]>();
  expectTypeOf(test.calls()).toEqualTypeOf<readonly SentCall[]>();
});

it("knows what is run, and what comes of it", () => {
  expectTypeOf(test.run(resize, { file: "a", width: 1 })).toEqualTypeOf<Promise<number>>();
  expectTypeOf(test.run(tick)).toEqualTypeOf<Promise<string>>();
  expectTypeOf(test.run(score, "a", 1)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(test.run(chain(score.si("a", 1)))).toEqualTypeOf<Promise<number>>();
  // @ts-expect-error an input is missing
  void test.run(resize);
  // @ts-expect-error an argument is missing
  void test.run(score, "a");
  // @ts-expect-error an open signature cannot be started
  void test.run(resize.s());
});

it("knows what a fake is given, and what it may give", () => {
  const fake = test.fake(score, (text, top) => {
    expectTypeOf(text).toEqualTypeOf<string>();
    expectTypeOf(top).toEqualTypeOf<number>();
    return top;
  });
  expectTypeOf(fake.calls).toEqualTypeOf<readonly [text: string, top: number][]>();
  test.fake(resize, async ({ width }) => width);
  // @ts-expect-error its result is a number
  test.fake(score, () => "three");
  // @ts-expect-error its result is a number
  test.fake(resize, () => "three");
});
