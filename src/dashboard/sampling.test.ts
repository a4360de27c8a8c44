/** How full the queues were, in the charts: the broker is asked though nobody looks, and who is confined to some queues sees theirs. */

import { expect, test } from "vitest";
import type { LevelSeries, Overview, Series } from "./contract.ts";
import { Stage } from "./fixtures/stage.ts";

const mail = { headers: { "x-who": "mail" } };

/** The highest of a line. */
const peak = (line: readonly (number | null)[] | undefined): number =>
  Math.max(-1, ...(line ?? []).map((one) => one ?? -1));

test("the charts show all queues to who sees all, and theirs to who is confined to some", async () => {
  await using stage = new Stage(undefined, {
    authorize: ({ headers }) => ({ name: "ops", role: "view", ...(headers.get("x-who") && { queues: ["mail"] }) }),
  });
  const { app } = stage;
  const slow = app.task("slow", { queue: "media" }, () => 1);
  const send = app.task("send", { queue: "mail" }, () => 1);
  await stage.page.start();
  for (let index = 0; index < 5; index++) await (index < 2 ? send : slow).delay();
  const sampled = ({ series }: Overview): boolean => peak(series.levels?.depth) > 0;
  const all = await stage.until<Overview>("/api/overview", sampled);
  const own = await stage.get<Overview>("/api/overview", mail);
  const lines = (levels: LevelSeries | undefined): object => ({
    depth: peak(levels?.depth),
    running: peak(levels?.running),
    workers: peak(levels?.workers),
  });
  expect(lines(all.series.levels)).toEqual({ depth: 5, running: 0, workers: 0 });
  expect(lines(own.series.levels)).toEqual({ depth: 2, running: 0, workers: 0 });
  expect(peak(own.series.levels?.oldest)).toBeGreaterThan(0);
  expect(peak((await stage.get<Series>("/api/series", mail)).levels?.depth)).toBe(2);
  expect(peak((await stage.get<Series>("/api/series?queue=media")).levels?.depth)).toBe(3);
  expect((await stage.ask("/api/series?queue=media", mail)).status).toBe(403);
  expect(await stage.get<Series>("/api/series?task=send")).not.toHaveProperty("levels");
});
