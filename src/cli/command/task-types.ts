/** `celeriac types`: TypeScript declarations of the tasks that Python workers run. */

import { Command } from "commander";
import { addJson, addTarget, listed, names } from "../option.ts";
import type { Target } from "../target.ts";
import type { TypesFlags } from "../task-types.ts";

export function typesCommand(finish: (code: number) => void): Command {
  const command = new Command("types")
    .description("TypeScript declarations of the tasks that running Python workers have")
    .option("--out <file>", "write the module there, and print what was found")
    .option("--module <name>", "Python module of the tasks; may be repeated (default: as the workers say)", listed)
    .option("--python <command>", "interpreter that reads the signatures; none for no signatures", "python3")
    .option("--path <folder>", "where its modules are; may be repeated (default: .)", listed)
    .option("--stubs <folder>", "where further .pyi files are; may be repeated", listed)
    .option("--no-import", "import nothing: read stub files and source as text")
    .option("--destination <names>", "ask these workers only, separated by commas", names)
    .option("--timeout <time>", "wait so long for the next worker that answers", "1s");
  return addJson(addTarget(command)).action(async (flags: Target & TypesFlags) => {
    const [{ printTypes }, { inSession }] = await Promise.all([import("../task-types.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => printTypes(session, flags)));
  });
}
