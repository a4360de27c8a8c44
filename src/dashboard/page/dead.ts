/** Dead letters, with what is known of each, and the groups that those looked at fall into. */

import type { DeadLetter } from "../../port/queue-admin.ts";
import { maySee } from "../access/viewer.ts";
import type { DeadLetterPage, DeadLetterRow } from "../contract.ts";
import type { Visit } from "../http/route.ts";
import type { DashboardSettings } from "../options.ts";
import { outlineOf, type Rules } from "./texts.ts";

/** Letters looked at for the groups, at most. */
const mostGrouped = 1_000;
const pageSize = 200;
const longestText = 2_000;

export async function deadLetters({ inside, viewer, query }: Visit): Promise<DeadLetterPage> {
  const { broker } = await inside.connect();
  const [queue, task, reason] = [query.name("queue"), query.name("task"), query.name("reason")];
  const filter = {
    ...(queue !== undefined && { queue }),
    ...(task !== undefined && { task }),
    ...(reason !== undefined && { reason }),
  };
  const after = query.cursor();
  const page = await broker.dead.list(filter, after, query.whole("limit", 1, pageSize) ?? 50);
  const seen = (letter: DeadLetter): boolean => maySee(viewer, letter.queue);
  const grouped: DeadLetter[] = [];
  if (after === undefined) {
    let next: string | undefined;
    do {
      const some = await broker.dead.list(filter, next, pageSize);
      grouped.push(...some.items);
      next = some.next;
    } while (next !== undefined && grouped.length < mostGrouped);
  }
  return {
    items: page.items.filter(seen).map((letter) => rowOf(letter, inside.settings.redact, inside.core.registry)),
    groups: groupsOf(grouped.filter(seen)),
    ...(page.next !== undefined && { next: page.next }),
  };
}

function groupsOf(letters: readonly DeadLetter[]): DeadLetterPage["groups"] {
  const groups = Map.groupBy(letters, ({ reason, task }) => `${reason}\0${task ?? ""}`);
  return [...groups.values()]
    .flatMap((members) => {
      const [first] = members;
      if (first === undefined) return [];
      const { reason, task } = first;
      return [{ reason, count: members.length, ...(task !== undefined && { task }) }];
    })
    .toSorted((a, b) => b.count - a.count);
}

function rowOf(letter: DeadLetter, redact: DashboardSettings["redact"], rules: Rules): DeadLetterRow {
  const { key, id, task, queue, reason, detail, at, raw, attempts } = letter;
  const { args } = outlineOf(raw, redact, rules);
  const cover = (text: string): string => redact(text, { kind: "error", task }).slice(0, longestText);
  return {
    key,
    queue,
    reason,
    detail: cover(detail),
    at,
    ...(id !== undefined && { id }),
    ...(task !== undefined && { task }),
    ...(args !== undefined && { args }),
    attempts: attempts.map(({ attempt, worker, pid, started, ended, exit, error, stderrTail }) => ({
      attempt,
      worker,
      started,
      ...(pid !== undefined && { pid }),
      ...(ended !== undefined && { ended }),
      ...(exit !== undefined && { exit: exit.signal ?? String(exit.code) }),
      ...(error !== undefined && { error: cover(error) }),
      ...(stderrTail !== "" && { stderr: cover(stderrTail) }),
    })),
  };
}
