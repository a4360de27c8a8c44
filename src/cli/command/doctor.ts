/** `celeriac doctor`: what is wrong, or will be; with the id of a task, why that is not running. */

import { Command } from "commander";
import { addJson, addSchedules, addTarget } from "../option.ts";
import type { Target } from "../target.ts";

export function doctorCommand(finish: (code: number) => void): Command {
  const command = new Command("doctor")
    .description(
      "check this machine, the app and the broker; exit code 1 if something fails. With an id: why that task is not running",
    )
    .argument("[id]", "id of a task, or name of a schedule");
  return addJson(addSchedules(addTarget(command))).action(
    async (id: string | undefined, flags: Target & { readonly json?: boolean }) => {
      const json = flags.json === true;
      if (id === undefined) {
        const { printDiagnosis } = await import("../diagnosis.ts");
        finish(await printDiagnosis(flags, json));
        return;
      }
      const [{ printReasons }, { inSession }] = await Promise.all([
        import("../task-report.ts"),
        import("../target.ts"),
      ]);
      finish(await inSession(flags, (session) => printReasons(session, id, json)));
    },
  );
}
