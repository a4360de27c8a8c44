/** `celeriac import`: schedules and waiting jobs from elsewhere. */

import { Command } from "commander";
import type { CeleryBeatFlags } from "../import-celery-beat.ts";
import type { CrontabFlags } from "../import-crontab.ts";
import type { BullmqFlags } from "../import-bullmq.ts";
import { addJson, addSchedules, addTarget, listed, names, pair } from "../option.ts";

export function importCommand(finish: (code: number) => void): Command {
  const all = new Command("import").description(
    "take schedules and waiting jobs over from elsewhere; the source is only read",
  );
  const add = (command: Command): Command => {
    command.option("--dry-run", "print what would be taken over, and what not and why; change nothing");
    all.addCommand(addJson(addSchedules(addTarget(command))));
    return command;
  };
  add(
    new Command("crontab")
      .description("lines of a crontab, as schedules of one task that runs commands")
      .argument("<file>", "such as /etc/crontab, or what `crontab -l` prints")
      .option("--task <name>", "name of that task", "shell.run")
      .option("--timezone <zone>", "of lines that no CRON_TZ stands above (default: this machine's)")
      .option("--system", "lines have a user, as in /etc/crontab (default: by the file's place)")
      .option("--move", "comment out in the file what was taken over"),
  ).action(async (file: string, flags: CrontabFlags) => {
    const { importCrontab } = await import("../import-crontab.ts");
    finish(await importCrontab(file, flags));
  });
  add(
    new Command("celery-beat")
      .description("the beat_schedule of a Celery app, or the file of its beat")
      .option("--from <module:app>", "the Celery app, such as proj.celery:app")
      .option("--file <file>", "celerybeat-schedule, in place of an app")
      .option("--python <command>", "interpreter of the Celery project", "python3")
      .option("--path <folder>", "where its modules are; may be repeated (default: .)", listed),
  ).action(async (flags: CeleryBeatFlags) => {
    const { importCeleryBeat } = await import("../import-celery-beat.ts");
    finish(await importCeleryBeat(flags));
  });
  add(
    new Command("bullmq")
      .description("job schedulers and waiting jobs of BullMQ's queues")
      .requiredOption("--from <url>", "the Redis they are in, such as redis://127.0.0.1:6379/0")
      .option("--queue <names>", "queues to read, separated by commas", names)
      .option("--prefix <text>", "before BullMQ's keys", "bull")
      .option("--task <job=task>", "the task for jobs of this name; may be repeated (default: of the same name)", pair)
      .option("--timezone <zone>", "of schedulers without one (default: this machine's)"),
  ).action(async (flags: BullmqFlags) => {
    const { importBullmq } = await import("../import-bullmq.ts");
    finish(await importBullmq(flags));
  });
  return all;
}
