/** Which message of an id comes later. */

import { expect, it } from "vitest";
import { turnIn } from "./turn.ts";

it("grows with each retry, and with each workflow in the task's place by more than all retries do", () => {
  const headers: Record<string, unknown>[] = [
    {},
    { retries: 1 },
    { retries: 999_999_999 },
    { replaced_task_nesting: 1 },
  ];
  headers.push(
    { replaced_task_nesting: 1, retries: 3 },
    { replaced_task_nesting: 2 },
    { replaced_task_nesting: 2 ** 40 },
  );
  const turns = headers.map((of) => turnIn(of).attempt);
  expect(turns).toEqual([...turns].toSorted((one, other) => one - other));
  expect(new Set(turns).size).toBe(turns.length);
  expect(turns.every(Number.isSafeInteger)).toBe(true);
});

it("says where a Celery of old does not tell, and takes what is no count for none", () => {
  expect(turnIn({ lang: "py", retries: 2 })).toEqual({ attempt: 3, unsaid: true });
  expect(turnIn({ lang: "py", replaced_task_nesting: 0 })).toEqual({ attempt: 1 });
  expect(turnIn({ retries: "2", replaced_task_nesting: -1 })).toEqual({ attempt: 1 });
});
