/** `celeriac schedule`: what is sent when. Look at it, add, change, pause, run now. */

import { Command, Option } from "commander";
import { addJson, addSchedules, addTarget, pair, wholeNumber } from "../option.ts";
import type { ScheduleFlags } from "../schedule-edit.ts";
import type { Target } from "../target.ts";

export function scheduleCommand(finish: (code: number) => void): Command {
  const schedule = new Command("schedule").description("what is sent when: look at it, change it, run it now");
  const add = (command: Command): Command => {
    schedule.addCommand(addJson(addSchedules(addTarget(command))));
    return command;
  };
  const look = () => Promise.all([import("../schedule-list.ts"), import("../target.ts")]);
  const edit = () => Promise.all([import("../schedule-edit.ts"), import("../target.ts")]);

  add(new Command("list").description("all schedules: when they fire next, and fired last")).action(
    async (flags: Target & ScheduleFlags) => {
      const [{ listSchedules }, { inSession }] = await look();
      finish(await inSession(flags, (session) => listSchedules(session, flags)));
    },
  );
  for (const [verb, text, count] of [
    ["next", "when it fires next, in its own time zone and in UTC", "5"],
    ["history", "its last ticks, and what was sent for them", "20"],
  ] as const) {
    add(
      new Command(verb)
        .description(text)
        .argument("<name>", "name of the schedule")
        .option("-n, --count <n>", `so many (default: ${count})`, wholeNumber(1)),
    ).action(async (name: string, flags: Target & ScheduleFlags) => {
      const [{ showNext, showHistory }, { inSession }] = await look();
      const show = verb === "next" ? showNext : showHistory;
      finish(await inSession(flags, (session) => show(session, name, flags)));
    });
  }
  addCall(
    add(
      new Command("add")
        .description("add one; it is kept in the database, and a running beat takes it over within a second")
        .argument("<name>", "name of the schedule")
        .argument("<schedule>", 'when: "0 3 * * *", "every 30s", "solar sunset 50.08 14.42"')
        .argument("<task>", "name of the task")
        .option("--paused", "add it, and send nothing before it is resumed"),
    ),
  ).action(async (name: string, when: string, task: string, flags: Target & ScheduleFlags) => {
    const [{ addSchedule }, { inSession }] = await edit();
    finish(await inSession(flags, (session) => addSchedule(session, name, when, task, flags)));
  });
  addCall(
    add(
      new Command("change")
        .description("change one that was added at run time; what is not named stays")
        .argument("<name>", "name of the schedule")
        .option("--schedule <schedule>", "when, from now on")
        .option("--task <name>", "name of the task"),
    ),
  ).action(async (name: string, flags: Target & ScheduleFlags) => {
    const [{ changeSchedule }, { inSession }] = await edit();
    finish(await inSession(flags, (session) => changeSchedule(session, name, flags)));
  });
  for (const [verb, text] of [
    ["pause", "send nothing until it is resumed"],
    ["resume", "go on with the next tick; those of the pause are not made up for"],
    ["run", "send its call now; its ticks stay as they are. Prints the id of the task"],
  ] as const) {
    add(new Command(verb).description(text).argument("<name>", "name of the schedule")).action(
      async (name: string, flags: Target & ScheduleFlags) => {
        const [{ turnSchedule }, { inSession }] = await edit();
        finish(await inSession(flags, (session) => turnSchedule(session, verb, name, flags)));
      },
    );
  }
  add(
    new Command("remove")
      .description("remove one, with the memory of its ticks; asks before")
      .argument("<name>", "name of the schedule")
      .option("--yes", "do not ask"),
  ).action(async (name: string, flags: Target & ScheduleFlags) => {
    const [{ removeSchedule }, { inSession }] = await edit();
    finish(await inSession(flags, (session) => removeSchedule(session, name, flags)));
  });
  return schedule;
}

function addCall(command: Command): Command {
  return command
    .option("--args <json>", "positional arguments, a JSON array")
    .option("--kwargs <json>", "named arguments, a JSON object")
    .option("--timezone <zone>", "zone of the schedule, such as Europe/Prague (default: UTC)")
    .option("--queue <name>", "default: the task's own queue")
    .option("--expires <time>", "not started later than this after it was sent")
    .option("--priority <n>", "wire number, 0 to 255", wholeNumber(0))
    .option("--header <name=value>", "own header; may be repeated", pair)
    .addOption(
      new Option("--misfire <policy>", "ticks that no scheduler was there for (default: once)").choices([
        "skip",
        "once",
        "all",
      ]),
    )
    .option("--grace <time>", "a tick is missed when it could not be sent for so long (default: 1m)")
    .addOption(
      new Option("--overlap <policy>", "a tick whose run before has not ended (default: allow)").choices([
        "allow",
        "skip",
        "queue",
      ]),
    )
    .option("--jitter <time>", "send each tick later by a part of this")
    .option("--limit <n>", "most ticks that --misfire all makes up for (default: 1000)", wholeNumber(1));
}
