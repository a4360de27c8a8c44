/** Sending a chord in steps: its join is open before its members are sent, and sealed after, whatever lies between. */

import { afterEach, describe, expect, it, vi } from "vitest";
import { chord } from "../canvas/chord.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { type App, coreOf, createApp } from "./app.ts";

let apps = 0;
let app: App | undefined;
afterEach(() => app?.close());

async function stage() {
  const clock = new VirtualClock();
  app = createApp({ broker: `memory:launcher-${String(++apps)}`, clock });
  const one = app.task("l.one", (n: number) => n);
  const all = app.task("l.all", (numbers: readonly number[]) => numbers.length);
  const { broker, store } = await coreOf(app).connect();
  const { joins } = store;
  if (joins === undefined) throw new Error("the store in memory counts members");
  const start = app.delay.bind(app, chord([one.si(1), one.si(2)], all.s()));
  return { clock, broker, joins, start };
}

describe("a chord that is sent", () => {
  it("is sealed though the store is away for a moment after all is sent", async () => {
    const { clock, joins, start } = await stage();
    const seal = vi
      .spyOn(joins, "seal")
      .mockRejectedValueOnce(new Error("away"))
      .mockRejectedValueOnce(new Error("away"));
    const sending = start();
    await vi.waitFor(() => expect(seal).toHaveBeenCalledTimes(1), 60_000);
    await clock.advance(1000);
    await sending;
    expect(seal).toHaveBeenCalledTimes(3);
    await clock.advance(120_000);
    expect(await joins.stale(5000, 10)).toEqual([]);
  });

  it("is left unsealed, to fail in time, if the store stays away", async () => {
    const { clock, joins, start } = await stage();
    const seal = vi.spyOn(joins, "seal").mockRejectedValue(new Error("away"));
    const sending = start().catch((error: unknown) => error);
    await vi.waitFor(() => expect(seal).toHaveBeenCalled(), 60_000);
    await clock.advance(60_000);
    expect(await sending).toMatchObject({ message: "away" });
    await clock.advance(60_000);
    expect(await joins.stale(5000, 10)).toMatchObject([{ why: "unsent" }]);
  });

  it("is closed again if nothing of it was accepted", async () => {
    const { broker, joins, start } = await stage();
    broker.publish = async (batch) => batch.map(() => ({ kind: "refused", reason: "full", detail: "full" }));
    const close = vi.spyOn(joins, "close");
    await expect(start()).rejects.toMatchObject({ code: "QUEUE_FULL" });
    expect(close).toHaveBeenCalledTimes(1);
  });
});
