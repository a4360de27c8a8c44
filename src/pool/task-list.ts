/** Whether a child loaded the same tasks as its worker. A difference means an import that registers by chance. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { TaskShape } from "./pool-options.ts";

/** TASKS_DIFFER, saying where; `undefined` when they are the same. */
export function checkTasks(expected: readonly TaskShape[], found: readonly TaskShape[]): CeleriacError | undefined {
  const wanted = new Map(expected.map((task) => [task.name, task.shape]));
  const got = new Map(found.map((task) => [task.name, task.shape]));
  const missing = expected.filter((task) => !got.has(task.name)).map((task) => task.name);
  const extra = found.filter((task) => !wanted.has(task.name)).map((task) => task.name);
  const changed = found
    .filter((task) => wanted.has(task.name) && wanted.get(task.name) !== task.shape)
    .map((task) => task.name);
  if (missing.length + extra.length + changed.length === 0) return undefined;
  const parts = [
    ["missing in the child", missing],
    ["only in the child", extra],
    ["with other options", changed],
  ] as const;
  const text = parts.filter(([, names]) => names.length > 0).map(([label, names]) => `${label}: ${names.join(", ")}`);
  return new CeleriacError(
    "TASKS_DIFFER",
    `The worker and a child of its pool loaded different tasks (${text.join("; ")}). Declare every task in a module that the app's tasks() names, on no condition (environment, time, chance).`,
    { details: { missing, extra, changed } },
  );
}
