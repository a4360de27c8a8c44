/**
 * Rates and time limits of task types, changed while workers run. Said to all workers they become a fact, which outlasts them; said to some,
 * by name, they are theirs until they end.
 */

import { type TaskLimit, taskLimitFact } from "../../control/facts.ts";
import { callRepr } from "../../wire/repr.ts";
import { type Asked, type Command, nok, ok, PythonError, type Station } from "./command.ts";

const noLimit: TaskLimit = { rate: null, soft: null, hard: null };
/** Others write the same fact in this moment. */
const mostTries = 10;

export const limitCommands: readonly Command[] = [
  { name: "rate_limit", required: ["task_name", "rate_limit"], serial: true, run: rateLimit },
  { name: "time_limit", optional: ["task_name", "hard", "soft"], serial: true, run: timeLimit },
];

async function rateLimit(station: Station, asked: Asked): Promise<unknown> {
  const { task_name: task, rate_limit: rate } = asked.named;
  let number: number;
  try {
    number = rateOf(rate);
  } catch (error) {
    if (!(error instanceof PythonError) || error.name !== "ValueError") throw error;
    return nok(`Invalid rate limit string: ${callRepr(error.name, [error.message])}`);
  }
  if (!isKnown(station, task)) return nok("unknown task");
  // Said to be none, which is more than nothing said: the task's own does not count either.
  const written = number === 0 ? "0" : String(rate);
  await change(station, task, asked.selective, (limit) => ({ ...limit, rate: written }));
  return ok(
    rate === 0 || rate === null || rate === "" ? "rate limit disabled successfully" : "new rate limit set successfully",
  );
}

async function timeLimit(station: Station, asked: Asked): Promise<unknown> {
  const { task_name: task, soft, hard } = asked.named;
  if (!isKnown(station, task)) return nok("unknown task");
  const [softly, hardly] = [span(soft), span(hard)];
  await change(station, task, asked.selective, (limit) => ({ ...limit, soft: softly, hard: hardly }));
  return ok("time limits set successfully");
}

function isKnown({ registry }: Station, task: unknown): task is string {
  return typeof task === "string" && registry.get(task)?.handler !== undefined;
}

async function change(
  { orders }: Station,
  task: string,
  selective: boolean,
  changed: (limit: TaskLimit) => TaskLimit,
): Promise<void> {
  const { control } = orders.facts;
  if (selective || control === undefined) {
    orders.limitHere(task, changed(orders.limitOf(task) ?? noLimit));
    return;
  }
  orders.limitHere(task, undefined);
  for (let tries = 0; tries < mostTries; tries++) {
    await orders.facts.refresh();
    const present = orders.lastingLimit(task);
    const wanted = taskLimitFact(task, changed(present ?? noLimit));
    const before = present === undefined ? null : taskLimitFact(task, present).value;
    if (wanted.value === before || (await control.replace(wanted, before))) break;
  }
  await orders.facts.refresh();
}

/** Celery's reading of "10/m": so many a second; 0 is none. Throws its errors. */
function rateOf(rate: unknown): number {
  if (rate === null || rate === undefined || rate === "" || rate === 0) return 0;
  if (typeof rate === "number") return rate;
  if (typeof rate !== "string" || rate.length > 50) throw new PythonError("TypeError", "rate_limit must be a text");
  const [count = "", unit = "s"] = rate.split("/");
  const per = { s: 1, m: 60, h: 3600 }[unit === "" ? "s" : unit];
  if (per === undefined) throw new PythonError("KeyError", unit);
  if (!/^\s*\d+(?:\.\d+)?\s*$/.test(count)) {
    throw new PythonError("ValueError", `could not convert string to float: '${count}'`);
  }
  return Number(count) / per;
}

/** Seconds, also as a command line has them; nothing and 0 are none. Milliseconds, or `null`. Throws Python's ValueError. */
function span(seconds: unknown): number | null {
  if (seconds === undefined || seconds === null || seconds === "" || seconds === 0) return null;
  const number = Number(seconds);
  if (Number.isFinite(number) && number > 0) return number * 1000;
  throw new PythonError("ValueError", `could not convert string to float: '${JSON.stringify(seconds).slice(0, 50)}'`);
}
