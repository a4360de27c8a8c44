/** What the compiler knows of schedules: only a call that needs nothing more can be scheduled, and policies have words. */

import { type App, type AsyncResult, chain, chord, createApp, cron, every, group, solar } from "celeriac";
import { describe, expectTypeOf, it } from "vitest";

const app: App = createApp({ broker: "memory:schedule-types" });
const resize = app.task("resize", (image: { file: string; width: number }) => image.width);
const tidy = app.task("tidy", () => "done");
const announce = app.task("announce", (text: string) => text);
const score = app.remote<(text: string, top: number) => number>("score");

describe("app.schedule", () => {
  it("takes calls that need nothing more, and workflows of such", () => {
    app.schedule("a", cron("0 3 * * *"), tidy.si());
    app.schedule("b", cron("0 3 * * *"), tidy.s());
    app.schedule("c", every("30s"), resize.si({ file: "a", width: 1 }));
    app.schedule("d", solar("sunset", { latitude: 50, longitude: 14 }), score.si("text", 3));
    app.schedule("e", every("30s"), chain(tidy.si(), announce.s()));
    app.schedule("f", every("30s"), group([tidy.si(), resize.si({ file: "a", width: 1 })]));
    app.schedule("g", every("30s"), chord(group([tidy.si(), tidy.si()]), tidy.si()), { overlap: "queue" });
    expectTypeOf(app.schedule("h", every("1h"), tidy.si(), { grace: "5m", jitter: 1_000 })).toEqualTypeOf<void>();
  });

  it("refuses calls that still need an input", () => {
    // @ts-expect-error the whole input is missing
    app.schedule("a", every("1h"), resize.s());
    // @ts-expect-error a member is missing
    app.schedule("a", every("1h"), resize.s({ width: 800 }));
    // @ts-expect-error its first step needs an input
    app.schedule("a", every("1h"), chain(announce.s(), announce.s()));
    // @ts-expect-error a member needs an input
    app.schedule("a", every("1h"), group([tidy.si(), announce.s()]));
    // @ts-expect-error a task is no call
    app.schedule("a", every("1h"), tidy);
  });

  it("refuses what is no schedule and no policy", () => {
    // @ts-expect-error text is for the command line; in code it is cron("…")
    app.schedule("a", "0 3 * * *", tidy.si());
    // @ts-expect-error no such policy
    app.schedule("a", every("1h"), tidy.si(), { misfire: "sometimes" });
    // @ts-expect-error no such policy
    app.schedule("a", every("1h"), tidy.si(), { overlap: "wait" });
    // @ts-expect-error a duration without a unit
    app.schedule("a", every("1h"), tidy.si(), { grace: "5" });
    // @ts-expect-error ticks are what delays it
    app.schedule("a", every("1h"), tidy.si(), { delay: "5s" });
  });
});

describe("app.schedules", () => {
  it("takes the same, and gives the handle of a run", () => {
    expectTypeOf(app.schedules.add("a", every("1h"), tidy.si())).toEqualTypeOf<Promise<void>>();
    expectTypeOf(app.schedules.run("a")).toEqualTypeOf<Promise<AsyncResult<unknown>>>();
    expectTypeOf(app.schedules.next("a", 3)).resolves.toEqualTypeOf<readonly Date[]>();
    void app.schedules.change("a", { schedule: every("2h"), signature: tidy.si(), queue: "slow" });
    // @ts-expect-error it still needs an input
    void app.schedules.add("a", every("1h"), announce.s());
    // @ts-expect-error it still needs an input
    void app.schedules.change("a", { signature: announce.s() });
    // @ts-expect-error pausing is a verb of its own
    void app.schedules.change("a", { paused: true });
  });
});
