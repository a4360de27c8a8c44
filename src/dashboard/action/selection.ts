/** From a selection to ids: all are found before anything is done, because what is done to a task may take it out of the filter. */

import type { DeadLetter, DeadLetters } from "../../port/queue-admin.ts";
import { maySee, type Viewer, visibleQueues } from "../access/viewer.ts";
import type { LetterSelection, TaskRow, TaskSelection } from "../contract.ts";
import { ApiError } from "../http/failure.ts";
import type { Past } from "../past.ts";
import type { Outcomes } from "./outcome.ts";

/** Tasks or letters of one action. */
const most = 100_000;
const pageSize = 200;

/** A task to act on; the row is there where it was looked up. */
export interface Chosen {
  readonly id: string;
  readonly row: TaskRow | undefined;
}

/** Throws STALE_SELECTION or TOO_LARGE. Ids that the person may not touch are failures. */
export async function chosenTasks(
  past: Past,
  selection: TaskSelection,
  viewer: Viewer,
  outcomes: Outcomes,
): Promise<readonly Chosen[]> {
  if ("ids" in selection) {
    const chosen: Chosen[] = [];
    for (const id of selection.ids) {
      const row = (await past.task(id))?.row;
      if (maySee(viewer, row?.queue)) chosen.push({ id, row });
      else outcomes.fail(id, "FORBIDDEN", "It is in none of your queues.");
    }
    return chosen;
  }
  const { at: _now, ...filter } = selection.filter;
  const queue = visibleQueues(viewer, filter.queue);
  const bounded = { ...filter, ...(queue !== undefined && { queue }) };
  const limit = limitOf(selection.expect);
  const chosen: Chosen[] = [];
  let after: string | undefined;
  do {
    const page = await past.tasks({ ...bounded, limit: pageSize, ...(after !== undefined && { after }) });
    chosen.push(...page.items.map((row) => ({ id: row.id, row })));
    after = page.next;
    if (chosen.length > limit) throw stale(selection.expect);
    if (chosen.length > most) throw tooMany();
  } while (after !== undefined);
  return chosen;
}

/** Throws STALE_SELECTION or TOO_LARGE. */
export async function chosenLetters(
  dead: DeadLetters,
  selection: LetterSelection,
  viewer: Viewer,
): Promise<readonly string[]> {
  if ("keys" in selection) {
    if (viewer.queues === undefined) return selection.keys;
    const wanted = new Set(selection.keys);
    const seen = new Set<string>();
    await eachLetter(dead, {}, (letter) => {
      if (wanted.has(letter.key) && maySee(viewer, letter.queue)) seen.add(letter.key);
    });
    return [...seen];
  }
  const limit = limitOf(selection.expect);
  const keys: string[] = [];
  await eachLetter(dead, selection.filter, (letter) => {
    if (maySee(viewer, letter.queue)) keys.push(letter.key);
    if (keys.length > limit) throw stale(selection.expect);
  });
  return keys;
}

/** At most 100 000. True from `look` ends it. */
export async function eachLetter(
  dead: DeadLetters,
  filter: Parameters<DeadLetters["list"]>[0],
  look: (letter: DeadLetter) => boolean | void,
): Promise<void> {
  let after: string | undefined;
  let count = 0;
  do {
    const { items, next } = await dead.list(filter, after, pageSize);
    for (const letter of items) if (look(letter) === true) return;
    count += items.length;
    after = next;
  } while (after !== undefined && count < most);
}

/** A tenth and 100 more may have come meanwhile. */
function limitOf(expect: number): number {
  return Math.floor(expect * 1.1 + 100);
}

function stale(expect: number): ApiError {
  return new ApiError(
    409,
    "STALE_SELECTION",
    `The filter fits far more than the ${String(expect)} that were shown. Nothing was done: look again.`,
  );
}

function tooMany(): ApiError {
  return new ApiError(413, "TOO_LARGE", `At most ${String(most)} tasks at once. Nothing was done: narrow the filter.`);
}
