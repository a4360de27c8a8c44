/** Dead letters for people and scripts: list, show, redrive, drop. Filters are the broker's; keys may be ids of tasks. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { AttemptRecord, DeadLetter } from "../port/queue-admin.ts";
import { clean } from "../wire/visible-text.ts";
import { confirmed } from "./confirmation.ts";
import { exitCode, UsageError } from "./failure.ts";
import { letterContent } from "./letter-content.ts";
import type { Session } from "./target.ts";
import { age, paint, printJson, printLine, printTable } from "./terminal.ts";

export interface LetterFlags {
  readonly queue?: string;
  readonly task?: string;
  readonly reason?: string;
  readonly limit?: number;
  readonly after?: string;
  readonly allMatching?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}
type Filter = Pick<LetterFlags, "queue" | "task" | "reason">;

const page = 200;

export async function listLetters({ backend, core }: Session, flags: LetterFlags): Promise<number> {
  const limit = flags.limit ?? 50;
  const letters: DeadLetter[] = [];
  let after = flags.after;
  do {
    const found = await backend.broker.dead.list(filterOf(flags), after, Math.min(page, limit - letters.length));
    letters.push(...found.items);
    after = found.next;
  } while (after !== undefined && letters.length < limit);
  if (flags.json === true) {
    printJson({ letters: letters.map(letterFacts), next: after ?? null });
    return exitCode.done;
  }
  if (letters.length === 0) {
    printLine("no dead letters");
    return exitCode.done;
  }
  const now = core.clock.now();
  printTable<DeadLetter>(
    [
      { title: "key", cell: ({ key }) => key },
      { title: "reason", cell: ({ reason }) => reason },
      { title: "task", cell: ({ task }) => task ?? "?" },
      { title: "queue", cell: ({ queue }) => queue },
      { title: "since", cell: ({ at }) => age(now - at), right: true },
      { title: "tries", cell: ({ attempts }) => attempts.length, right: true },
      { title: "detail", cell: ({ detail }) => detail },
    ],
    letters,
  );
  if (after !== undefined) printLine(paint("dim", clean(`there are more: --after ${after}`)));
  return exitCode.done;
}

export async function showLetter(session: Session, key: string, flags: LetterFlags): Promise<number> {
  const [letter] = await find(session, [key], {});
  if (letter === undefined) throw unknown([key]);
  const content = letterContent(letter.raw, session.core.registry);
  if (flags.json === true) {
    printJson({ ...letterFacts(letter), attempts: letter.attempts.map(attemptFacts), ...content });
    return exitCode.done;
  }
  const facts: readonly (readonly [string, string])[] = [
    ["key", letter.key],
    ["task", letter.task ?? "unknown"],
    ["id", letter.id ?? "unknown"],
    ["queue", letter.queue],
    ["reason", letter.reason],
    ["since", new Date(letter.at).toISOString()],
    ["detail", letter.detail],
  ];
  for (const [name, value] of facts) printLine(`${paint("bold", name.padEnd(8))}${clean(value)}`);
  letter.attempts.forEach((attempt, index) => {
    printLine(paint("bold", `\nrun ${String(index + 1)}`));
    for (const [name, value] of Object.entries(attemptFacts(attempt))) {
      if (value === undefined || value === null || value === "") continue;
      printLine(`  ${name.padEnd(8)}${clean(typeof value === "string" ? value : JSON.stringify(value), "\n")}`);
    }
  });
  for (const [name, value] of Object.entries(content)) {
    if (value !== undefined) printLine(`\n${paint("bold", name)}\n${clean(value, "\n")}`);
  }
  return exitCode.done;
}

/** Throws a usage error unless letters were chosen in exactly one way. */
export function checkChoice(keys: readonly string[], flags: LetterFlags): void {
  if ((flags.allMatching === true) !== keys.length > 0) return;
  throw new UsageError("Name dead letters by key or task id, or say --all-matching.");
}

/** Redrives or drops what was named, or what the filters let through. */
export async function settleLetters(
  session: Session,
  verb: "redrive" | "drop",
  keys: readonly string[],
  flags: LetterFlags,
): Promise<number> {
  const all = flags.allMatching === true;
  const letters = await find(session, all ? undefined : keys, filterOf(flags));
  const missing = keys.filter((key) => !letters.some((letter) => letter.key === key || letter.id === key));
  if (missing.length > 0) throw unknown(missing);
  const count = letters.length;
  if (count > 0 && (all || verb === "drop")) {
    const what = verb === "drop" ? "removes for good" : "sends again";
    if (!(await confirmed(`This ${what} ${String(count)} dead letters.`, verb, flags.yes === true))) {
      printLine("nothing was changed");
      return exitCode.error;
    }
  }
  let settled = 0;
  for (let from = 0; from < count; from += page) {
    settled += await session.backend.broker.dead[verb](letters.slice(from, from + page).map(({ key }) => key));
  }
  if (flags.json === true) printJson({ [verb === "drop" ? "dropped" : "redriven"]: settled });
  else printLine(`${verb === "drop" ? "dropped" : "redrove"} ${String(settled)} dead letters`);
  return exitCode.done;
}

/** What the filters let through; with `keys` only those whose key or task id is named, until all are found. */
async function find(
  session: Session,
  keys: readonly string[] | undefined,
  filter: Filter,
): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = [];
  const wanted = keys && new Set(keys);
  let after: string | undefined;
  do {
    const { items, next } = await session.backend.broker.dead.list(filter, after, page);
    for (const letter of items) {
      if (wanted === undefined || wanted.has(letter.key) || (letter.id !== undefined && wanted.has(letter.id)))
        found.push(letter);
    }
    after = next;
  } while (after !== undefined);
  return found;
}

function unknown(keys: readonly string[]): CeleriacError {
  const names = keys.join(", ");
  return new CeleriacError(
    "DEAD_LETTER_UNKNOWN",
    `There is no dead letter with key or task id ${names}; celeriac dlq list shows all.`,
    {
      details: { keys },
    },
  );
}

function filterOf({ queue, task, reason }: LetterFlags): Filter {
  return {
    ...(queue !== undefined && { queue }),
    ...(task !== undefined && { task }),
    ...(reason !== undefined && { reason }),
  };
}

const letterFacts = ({
  key,
  id,
  task,
  queue,
  reason,
  at,
  detail,
  attempts,
}: DeadLetter): Readonly<Record<string, unknown>> => ({
  key,
  id: id ?? null,
  task: task ?? null,
  queue,
  reason,
  at: new Date(at).toISOString(),
  detail,
  attempts: attempts.length,
});

const attemptFacts = (attempt: AttemptRecord): Readonly<Record<string, unknown>> => ({
  attempt: attempt.attempt,
  worker: attempt.worker,
  pid: attempt.pid,
  started: new Date(attempt.started).toISOString(),
  ended: attempt.ended === undefined ? undefined : new Date(attempt.ended).toISOString(),
  exit: attempt.exit,
  error: attempt.error,
  stderr: attempt.stderrTail,
});
