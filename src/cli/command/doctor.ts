/** `celeriac doctor`: what is wrong, or will be. */

import { Command } from "commander";
import { addJson, addTarget } from "../option.ts";
import type { Target } from "../target.ts";

export function doctorCommand(finish: (code: number) => void): Command {
  const command = new Command("doctor").description(
    "check this machine, the app and the broker; exit code 1 if something fails",
  );
  return addJson(addTarget(command)).action(async (flags: Target & { readonly json?: boolean }) => {
    const { printDiagnosis } = await import("../diagnosis.ts");
    finish(await printDiagnosis(flags, flags.json === true));
  });
}
