/** Which names may be a task's or a queue's. Names come from other machines and end in lookups and keys, so few are good. */

import { CeleriacError } from "../error/celeriac-error.ts";

const taskName = /^[A-Za-z_][\w.:-]{0,199}$/;
/** Keys of kombu, of Celery's result backend and of this library. */
const takenPrefixes = ["celeriac:", "unacked", "_kombu.", "celery-task"] as const;
const queueName = /^[A-Za-z0-9_.:@%+{}-]{1,200}$/;
const goodQueue = /^(?!celeriac:|unacked|_kombu\.|celery-task)[A-Za-z0-9_.:@%+{}-]{1,200}$/;

/** True for what no task can be called: wrong characters, or a name that every object has. */
export function isHostileTaskName(name: unknown): boolean {
  return typeof name !== "string" || !taskName.test(name) || name === "prototype" || name in Object.prototype;
}

/** Throws NAME_INVALID. */
export function checkTaskName(name: unknown): asserts name is string {
  if (!isHostileTaskName(name)) return;
  throw new CeleriacError(
    "NAME_INVALID",
    `${shown(name)} cannot be a task's name. Use letters, digits and _ . : - (at most 200, not starting with a digit), like "orders.send_receipt".`,
  );
}

/** Throws NAME_INVALID. */
export function checkQueueName(name: unknown): asserts name is string {
  if (typeof name === "string" && goodQueue.test(name)) return;
  if (typeof name === "string" && queueName.test(name)) {
    const taken = takenPrefixes.find((prefix) => name.startsWith(prefix));
    throw new CeleriacError("NAME_INVALID", `${shown(name)} cannot be a queue's name: "${taken}…" names other keys.`);
  }
  throw new CeleriacError(
    "NAME_INVALID",
    `${shown(name)} cannot be a queue's name. Use letters, digits and _ . : @ % + { } - (1 to 200).`,
  );
}

/** Safe to print: control characters escaped, length bounded. */
function shown(name: unknown): string {
  if (typeof name !== "string") return `A ${name === null ? "null" : typeof name}`;
  const escaped = JSON.stringify(name.slice(0, 60)).replaceAll(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return name.length > 60 ? `${escaped}… (${name.length} characters)` : escaped;
}
