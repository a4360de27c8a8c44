/** Adding, changing, pausing and removing schedules, and running one now. With an app, a task must be one of its own and fit its arguments. */

import type { ScheduleOptions } from "../app/schedule-book.ts";
import { parseSchedule } from "../beat/schedule-spec.ts";
import type { TaskDefinition } from "../task/definition.ts";
import type { Duration } from "../task/duration.ts";
import { bindInput, validateInput } from "../task/input.ts";
import { withRedaction } from "../task/redact.ts";
import { Signature } from "../task/signature.ts";
import { confirmed } from "./confirmation.ts";
import { exitCode, UsageError } from "./failure.ts";
import { given } from "./option.ts";
import type { Session } from "./target.ts";
import { type CallFlags, declaredTask, readCall } from "./task-call.ts";
import { printJson, printLine } from "./terminal.ts";

export interface ScheduleFlags extends Pick<
  CallFlags,
  "args" | "kwargs" | "queue" | "expires" | "priority" | "header"
> {
  readonly count?: number;
  readonly schedule?: string;
  readonly task?: string;
  readonly timezone?: string;
  readonly misfire?: "skip" | "once" | "all";
  readonly grace?: string;
  readonly overlap?: "allow" | "skip" | "queue";
  readonly jitter?: string;
  readonly limit?: number;
  readonly paused?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export async function addSchedule(
  session: Session,
  name: string,
  when: string,
  task: string,
  flags: ScheduleFlags,
): Promise<number> {
  const schedule = parseSchedule(when, zoneOf(flags));
  const { signature, definition } = await callOf(session, task, flags);
  const options = { ...optionsOf(flags, definition), ...(flags.paused === true && { paused: true }) };
  await session.app.schedules.add(name, schedule, signature, options);
  return told(session, name, flags, `added; it fires`);
}

export async function changeSchedule(session: Session, name: string, flags: ScheduleFlags): Promise<number> {
  const { schedules } = session.app;
  const entry = (await schedules.list()).find((one) => one.name === name);
  if (flags.timezone !== undefined && flags.schedule === undefined)
    throw new UsageError("--timezone belongs to --schedule: name both.");
  const calls = flags.task !== undefined || flags.args !== undefined || flags.kwargs !== undefined;
  const call = calls ? await callOf(session, flags.task ?? entry?.task ?? "", flags) : undefined;
  const queue = flags.queue ?? (flags.task === undefined ? entry?.queue : call?.definition?.queue);
  await schedules.change(name, {
    ...optionsOf(flags, undefined),
    ...(calls && queue !== undefined && { queue }),
    ...(flags.schedule !== undefined && { schedule: parseSchedule(flags.schedule, zoneOf(flags)) }),
    ...(call !== undefined && { signature: call.signature }),
  });
  return told(session, name, flags, "changed; it fires");
}

export async function turnSchedule(
  { app }: Session,
  verb: "pause" | "resume" | "run",
  name: string,
  { json }: ScheduleFlags,
): Promise<number> {
  if (verb === "run") {
    const { id } = await app.schedules.run(name);
    if (json === true) printJson({ name, id });
    else printLine(id);
    return exitCode.done;
  }
  await app.schedules[verb](name);
  const state = verb === "pause" ? "paused" : "active";
  if (json === true) printJson({ name, state });
  else printLine(`"${name}" is ${state}`);
  return exitCode.done;
}

export async function removeSchedule({ app }: Session, name: string, flags: ScheduleFlags): Promise<number> {
  const entry = (await app.schedules.list()).find((one) => one.name === name);
  const comesBack =
    entry?.source === "code" ? ` The code of "${entry.owner}" declares it: a beat that starts adds it again.` : "";
  const question = `This removes the schedule "${name}" and the memory of its ticks.${comesBack}`;
  if (!(await confirmed(question, name, flags.yes === true))) {
    printLine("nothing was removed");
    return exitCode.error;
  }
  await app.schedules.remove(name);
  if (flags.json === true) printJson({ name, removed: true });
  else printLine(`removed "${name}"; what was sent stays where it is`);
  return exitCode.done;
}

async function told({ app }: Session, name: string, { json, paused }: ScheduleFlags, text: string): Promise<number> {
  const [next] = await app.schedules.next(name, 1);
  if (json === true) printJson({ name, next });
  else if (paused === true) printLine(`added, paused: celeriac schedule resume ${name}`);
  else printLine(`${text} ${next === undefined ? "never" : `first at ${next.toISOString()}`}`);
  return exitCode.done;
}

async function callOf(
  session: Session,
  task: string,
  flags: ScheduleFlags,
): Promise<{ readonly signature: Signature<unknown, unknown>; readonly definition: TaskDefinition | undefined }> {
  const { args, kwargs } = readCall(task, flags);
  const definition = session.named ? await declaredTask(session, task) : undefined;
  if (definition?.handler !== undefined) await validateInput(definition, bindInput(definition, args, kwargs));
  const headers = withRedaction(definition?.redact, { args, kwargs }, undefined);
  const options = headers && { options: { headers } };
  return { signature: new Signature({ task, args, kwargs, immutable: true, ...options }), definition };
}

function optionsOf(flags: ScheduleFlags, definition: TaskDefinition | undefined): ScheduleOptions {
  return given({
    misfire: flags.misfire,
    grace: flags.grace as Duration | undefined,
    overlap: flags.overlap,
    jitter: flags.jitter as Duration | undefined,
    limit: flags.limit,
    queue: flags.queue ?? definition?.queue,
    expires: (flags.expires as Duration | undefined) ?? definition?.expires,
    priority: flags.priority ?? definition?.priority,
    headers: flags.header,
    ignoreResult: definition?.ignoreResult === true ? true : undefined,
  });
}

function zoneOf({ timezone }: ScheduleFlags): { readonly timezone?: string } {
  return timezone === undefined ? {} : { timezone };
}
