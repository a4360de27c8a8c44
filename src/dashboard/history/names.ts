/** Names that were seen, for filters: of all tasks, or of those that came by in some queues. */

import type { Names } from "../contract.ts";
import type { Database } from "./database.ts";
import { stateNumber, states } from "./schema.ts";
import type { Asking } from "./task-page.ts";

/** Of names that a stranger may have made up. */
const mostNames = 500;
/** Queues that are looked into, and tasks of one queue and state: no index knows the tasks of a queue by name. */
const mostQueues = 50;
const looked = 1_000;

export function namesOf(asking: Asking, queues: readonly string[] | undefined): Names {
  const { database, words } = asking;
  const texts = (numbers: readonly number[]): readonly string[] =>
    numbers.flatMap((number) => words.text(number) ?? []);
  const seen = texts(distinct(database, "queue"));
  return {
    tasks: texts(queues === undefined ? distinct(database, "name") : namesIn(asking, queues)),
    queues: queues === undefined ? seen : seen.filter((queue) => queues.includes(queue)),
    workers: texts(distinct(database, "worker")),
  };
}

function namesIn({ database, words }: Asking, queues: readonly string[]): readonly number[] {
  const newest = database.query(
    "SELECT DISTINCT name FROM (SELECT name FROM task INDEXED BY task_queue WHERE queue = ? AND state = ? ORDER BY since DESC LIMIT ?)",
  );
  const found = new Set<number>();
  for (const queue of queues.slice(0, mostQueues)) {
    const number = words.find(queue);
    if (number === undefined) continue;
    for (const state of states)
      for (const [name] of newest.all(number, stateNumber(state), looked)) found.add(name as number);
  }
  return [...found].slice(0, mostNames);
}

/** One step down the index for each. */
export function distinct(database: Database, column: "name" | "queue" | "worker"): readonly number[] {
  const next = database.query(
    `SELECT ${column} FROM task INDEXED BY task_${column} WHERE ${column} > ? ORDER BY ${column} LIMIT 1`,
  );
  const found: number[] = [];
  for (let row = next.get(0); row && found.length < mostNames; row = next.get(row[0] as number))
    found.push(row[0] as number);
  return found;
}
