/** `celeriac doctor`: what is wrong, or will be; with the id of a task, why that is not running. */

import { Command } from "commander";
import type { DiagnosisFlags } from "../diagnosis.ts";
import { addJson, addSchedules, addTarget, webAddress } from "../option.ts";

export function doctorCommand(finish: (code: number) => void): Command {
  const command = new Command("doctor")
    .description(
      "check this machine, the app and the broker; exit code 1 if something fails. With an id: why that task is not running",
    )
    .argument("[id]", "id of a task, or name of a schedule")
    .option("--production", "look at all that must be right before others depend on it, too")
    .option("--dashboard <url>", "with --production: whether the dashboard there asks for a login", webAddress);
  return addJson(addSchedules(addTarget(command))).action(async (id: string | undefined, flags: DiagnosisFlags) => {
    const json = flags.json === true;
    if (id === undefined) {
      const { printDiagnosis } = await import("../diagnosis.ts");
      finish(await printDiagnosis(flags));
      return;
    }
    const [{ printReasons }, { inSession }] = await Promise.all([import("../task-report.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => printReasons(session, id, json)));
  });
}
