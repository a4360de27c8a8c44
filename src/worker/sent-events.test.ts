/** Workers tell of what they send by themselves: whoever listens hears of a step when it is sent, not when somebody takes it. */

import { expect, test } from "vitest";
import { type App, chain, chord, createApp, group, type Signature } from "../index.ts";
import type { AppOptions } from "../app/config.ts";
import type { CeleryEvent } from "../wire/event.ts";

let made = 0;

interface Stage extends AsyncDisposable {
  readonly app: App;
  readonly add: (x: number, y: number) => Signature<unknown, number>;
  readonly boom: Signature<unknown, number>;
  readonly events: CeleryEvent[];
  /** The calls of a task that were told of, once there are so many. */
  sent(task: string, times?: number): Promise<readonly CeleryEvent[]>;
}

/** Nobody takes from the queue `later`. */
async function open(options: Partial<AppOptions> = {}): Promise<Stage> {
  const app = createApp({ broker: `memory:sent-events-${String(++made)}`, sentEvents: true, ...options });
  const add = app.task("add", ({ x, y }: { x: number; y: number }) => x + y);
  const boom = app.task("boom", (_: null): number => {
    throw new Error("no");
  });
  app.task("again", { retry: { limit: 1, delay: "1h" } }, (_: null) => {
    throw new Error("not yet");
  });
  app.task("once", { ack: "early", retry: { limit: 1, delay: "1h" } }, (_: null) => {
    throw new Error("not yet");
  });
  const events: CeleryEvent[] = [];
  await app.events((batch) => void events.push(...batch.events));
  await app.work({ pool: "inline", concurrency: 2 });
  return {
    app,
    add: (x, y) => add.si({ x, y }),
    boom: boom.si(null),
    events,
    async sent(task, times = 1) {
      const find = (): readonly CeleryEvent[] =>
        events.filter(({ type, name }) => type === "task-sent" && name === task);
      await expect.poll(() => find().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(times);
      return find();
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}
const later = (app: App, name: string) => app.remote<(value: unknown) => number>(name, { queue: "later" });

test("the next step of a chain", async () => {
  await using stage = await open();
  const sent = await stage.app.delay(chain(stage.add(1, 2), later(stage.app, "next").s()));
  const [next] = await stage.sent("next");
  const first = (await stage.sent("add"))[0];
  expect(next).toMatchObject({ uuid: sent.id, root_id: first?.["uuid"], parent_id: first?.["uuid"], queue: "later" });
  expect(next?.["args"]).toBe("(3,)");
});

test("callbacks and error callbacks", async () => {
  await using stage = await open();
  const { app, add, boom } = stage;
  await app.delay(add(1, 2).link(later(app, "told").s()));
  await app.delay(boom.linkError(later(app, "failed").s()));
  const [told] = await stage.sent("told");
  const [failed] = await stage.sent("failed");
  expect(told).toMatchObject({ args: "(3,)", parent_id: (await stage.sent("add"))[0]?.["uuid"] });
  expect(failed).toMatchObject({ parent_id: (await stage.sent("boom"))[0]?.["uuid"] });
});

test("the body of a chord", async () => {
  await using stage = await open();
  const { app, add } = stage;
  const sent = await app.delay(chord(group([add(1, 1), add(2, 2)]), later(app, "body").s()));
  const [body] = await stage.sent("body");
  expect(body).toMatchObject({ uuid: sent.id, args: "([2, 4],)" });
});

test.for(["again", "once"])("the next try of a task (%s)", async (task) => {
  await using stage = await open();
  await stage.app.remote<(input: null) => number>(task).delay(null);
  const [first, second] = await stage.sent(task, 2);
  expect(second).toMatchObject({ uuid: first?.["uuid"], retries: 1 });
  expect(Date.parse(String(second?.["eta"]))).toBeGreaterThan(Date.now());
});

test("nothing where nobody wants it", async () => {
  await using stage = await open({ sentEvents: false });
  const { app, add, events } = stage;
  await app.delay(chain(add(1, 2), add(3, 4)));
  await expect.poll(() => events.filter(({ type }) => type === "task-succeeded").length, { timeout: 60_000 }).toBe(2);
  expect(events.filter(({ type }) => type === "task-sent")).toEqual([]);
});
