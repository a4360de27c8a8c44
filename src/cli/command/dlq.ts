/** `celeriac dlq`: messages that could not be finished. Look at them, send them again, drop them. */

import { Command } from "commander";
import type { LetterFlags } from "../dead-letters.ts";
import { addJson, addTarget, wholeNumber } from "../option.ts";
import type { Target } from "../target.ts";

export function dlqCommand(finish: (code: number) => void): Command {
  const dlq = new Command("dlq").description("dead letters: messages that could not be finished");
  const load = () => Promise.all([import("../dead-letters.ts"), import("../target.ts")]);

  const list = new Command("list")
    .description("what lies there, and why")
    .option("--limit <n>", "at most so many (default: 50)", wholeNumber(1))
    .option("--after <key>", "go on after this key");
  addJson(addTarget(addFilters(list))).action(async (flags: Target & LetterFlags) => {
    const [{ listLetters }, { inSession }] = await load();
    finish(await inSession(flags, (session) => listLetters(session, flags)));
  });

  const show = new Command("show")
    .description("one dead letter whole: attempts, headers, body")
    .argument("<key>", "its key, or the id of its task");
  addJson(addTarget(show)).action(async (key: string, flags: Target & LetterFlags) => {
    const [{ showLetter }, { inSession }] = await load();
    finish(await inSession(flags, (session) => showLetter(session, key, flags)));
  });

  dlq.addCommand(list).addCommand(show);
  for (const [verb, text] of [
    ["redrive", "send dead letters again, with the same id and a fresh crash budget"],
    ["drop", "remove dead letters for good; asks before"],
  ] as const) {
    const command = new Command(verb)
      .description(text)
      .argument("[keys...]", "keys, or ids of tasks")
      .option("--all-matching", "all that the filters let through, instead of keys; asks before")
      .option("--yes", "do not ask");
    addJson(addTarget(addFilters(command))).action(async (keys: string[], flags: Target & LetterFlags) => {
      const [{ checkChoice, settleLetters }, { inSession }] = await load();
      checkChoice(keys, flags);
      finish(await inSession(flags, (session) => settleLetters(session, verb, keys, flags)));
    });
    dlq.addCommand(command);
  }
  return dlq;
}

function addFilters(command: Command): Command {
  return command
    .option("--queue <name>", "of this queue")
    .option("--task <name>", "of this task")
    .option(
      "--reason <reason>",
      "undecodable, refused-content, refused-signature, unknown-task, invalid-input, crashed, exhausted, rejected, …",
    );
}
