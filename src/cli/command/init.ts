/** `celeriac init`: the first files of a project. */

import { Command } from "commander";
import { addJson } from "../option.ts";
import type { InitFlags } from "../scaffold.ts";

export function initCommand(finish: (code: number) => void): Command {
  const command = new Command("init")
    .description("write an app, its tasks, a worker, a test and a compose file")
    .argument("[folder]", "where to", ".")
    .option("--force", "write over files that are there");
  return addJson(command).action(async (folder: string, flags: InitFlags) => {
    const { runInit } = await import("../scaffold.ts");
    finish(runInit(folder, flags));
  });
}
