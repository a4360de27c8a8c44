/** Ids that are made in number are what one made alone is: a UUIDv7 of its moment. */

import { expect, it } from "vitest";
import { newTaskId, TaskIds } from "./task-id.ts";

const uuidv7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const momentOf = (id: string): number => Number.parseInt(id.slice(0, 13).replace("-", ""), 16);

it("gives each its moment, also when the clock goes back, and none twice", () => {
  const moments = [1_700_000_000_000, 1_700_000_000_000, 1_700_000_000_001, 1_699_999_999_999.7, 5, 0];
  const ids = new TaskIds();
  const made = moments.flatMap((now) => [ids.next(now), newTaskId(now)]);
  expect(made.filter((id) => !uuidv7.test(id))).toEqual([]);
  expect(made.map(momentOf)).toEqual(moments.flatMap((now) => [Math.trunc(now), Math.trunc(now)]));
  expect(new Set(made).size).toBe(made.length);
});
