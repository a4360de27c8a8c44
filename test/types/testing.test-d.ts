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
const kit = testApp(app);

it("knows what was sent", () => {
  expectTypeOf(kit.enqueued(resize)).toEqualTypeOf<{ file: string; width: number }[]>();
  expectTypeOf(kit.enqueued(receipt)).toEqualTypeOf<{ order: number; copy?: boolean | undefined }[]>();
  expectTypeOf(kit.enqueued(score)).toEqualTypeOf<[text: string, top: number][]>();
  expectTypeOf(kit.calls(score)).toEqualTypeOf<readonly SentCall<[text: string, top: number]>[]>();
  expectTypeOf(kit.calls()).toEqualTypeOf<readonly SentCall[]>();
});

it("knows what is run, and what comes of it", () => {
  expectTypeOf(kit.run(resize, { file: "a", width: 1 })).toEqualTypeOf<Promise<number>>();
  expectTypeOf(kit.run(tick)).toEqualTypeOf<Promise<string>>();
  expectTypeOf(kit.run(score, "a", 1)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(kit.run(chain(score.si("a", 1)))).toEqualTypeOf<Promise<number>>();
  // @ts-expect-error an input is missing
  void kit.run(resize);
  // @ts-expect-error an argument is missing
  void kit.run(score, "a");
  // @ts-expect-error an open signature cannot be started
  void kit.run(resize.s());
});

it("knows what a fake is given, and what it may give", () => {
  const fake = kit.fake(score, (text, top) => {
    expectTypeOf(text).toEqualTypeOf<string>();
    expectTypeOf(top).toEqualTypeOf<number>();
    return top;
  });
  expectTypeOf(fake.calls).toEqualTypeOf<readonly [text: string, top: number][]>();
  kit.fake(resize, async ({ width }) => width);
  // @ts-expect-error its result is a number
  kit.fake(score, () => "three");
  // @ts-expect-error its result is a number
  kit.fake(resize, () => "three");
});
