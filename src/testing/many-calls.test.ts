/** Under test time decides as elsewhere when calls have ceased and a batch is over: the test's own. */

import { expect, it } from "vitest";
import { createApp } from "../index.ts";
import { testApp } from "./index.ts";

it("debounces and gathers by the test's time", async () => {
  const app = createApp({ broker: "memory:many-calls" });
  const sizes: number[] = [];
  const store = app.task("rows.store", { batch: { max: 10, maxWait: "1m" } }, async (rows: readonly number[]) => {
    sizes.push(rows.length);
    return rows.map((value) => ({ value }));
  });
  const index = app.task("doc.index", { debounce: { key: "k", wait: "5s" } }, (text: string) => text);
  await using test = testApp(app);
  const [row] = [await store.delay(1), await store.delay(2)];
  const [first, second] = [await index.delay("old"), await index.delay("new")];
  expect([first.became, second.became]).toEqual(["sent", "replaced"]);
  expect(test.enqueued(index)).toEqual(["new"]);
  await test.advance("2m");
  expect(await row?.get({ timeout: "1s" })).toBe(1);
  expect(await first.get({ timeout: "1s" })).toBe("new");
  expect(sizes).toEqual([2]);
});
