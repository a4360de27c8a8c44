/** `celeriac inspect`, `control` and `workers`: what running workers, ours and Python's, say and do. */

import { Command } from "commander";
import { addJson, addTarget, names } from "../option.ts";
import type { RemoteFlags } from "../remote.ts";
import { controlCommands, inspectCommands, listOf } from "../remote-commands.ts";
import type { Target } from "../target.ts";

const load = () => Promise.all([import("../remote.ts"), import("../target.ts")]);

export function inspectCommand(finish: (code: number) => void): Command {
  return remote("inspect", "ask running workers, ours and Python's", inspectCommands, finish);
}

export function controlCommand(finish: (code: number) => void): Command {
  const command = remote("control", "tell running workers, ours and Python's, what to do", controlCommands, finish);
  return command.option("--yes", "do not ask");
}

export function workersCommand(finish: (code: number) => void): Command {
  const command = new Command("workers").description("the workers that run, ours and Python's");
  return addJson(addTarget(addAsking(command))).action(async (flags: Target & RemoteFlags) => {
    const [{ listWorkers }, { inSession }] = await Promise.all([import("../worker-list.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => listWorkers(session, flags)));
  });
}

function remote(name: string, text: string, commands: typeof inspectCommands, finish: (code: number) => void): Command {
  const command = new Command(name)
    .description(text)
    .argument("<command>", "one of those below; see there")
    .argument("[words...]", "what it takes")
    .addHelpText("after", listOf(commands));
  return addJson(addTarget(addAsking(command))).action(
    async (method: string, words: string[], flags: Target & RemoteFlags) => {
      const [{ callWorkers }, { inSession }] = await load();
      finish(await inSession(flags, (session) => callWorkers(session, commands, method, words, flags)));
    },
  );
}

function addAsking(command: Command): Command {
  return command
    .option("-d, --destination <nodes>", "of these workers only, separated by commas", names)
    .option("-t, --timeout <time>", "how long to wait for one more answer", "1s");
}
