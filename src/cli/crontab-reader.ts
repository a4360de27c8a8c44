/**
 * Lines of a crontab as schedules of one task, which runs commands. Vixie's rules, where they differ from this library's: 7 is Sunday, a
 * percent sign ends the command, and with both kinds of day a line runs on either, which one schedule cannot say.
 */

import { basename } from "node:path";
import { parseSchedule } from "../beat/schedule-spec.ts";
import { type ImportItem, reasonOf } from "./import-plan.ts";

export interface CrontabOptions {
  /** Lines have a user before the command, as in /etc/crontab. */
  readonly system: boolean;
  readonly task: string;
  /** Of lines that no CRON_TZ stands above. */
  readonly timezone: string;
}

const setting = /^\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z_][\w.-]*))\s*=\s*(.*?)\s*$/;

/** Each item's source is `line N`. */
export function readCrontab(text: string, options: CrontabOptions): readonly ImportItem[] {
  const items: ImportItem[] = [];
  const names = new Map<string, number>();
  const env: Record<string, string> = {};
  let { timezone } = options;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const source = `line ${String(index + 1)}`;
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const [, one, two, three, value = ""] = setting.exec(line) ?? [];
    const variable = one ?? two ?? three;
    if (variable !== undefined) {
      if (variable === "CRON_TZ") timezone = bare(value) || options.timezone;
      else env[variable] = bare(value);
      continue;
    }
    try {
      items.push({ source, planned: planned(line.trim(), { ...options, timezone }, env, names) });
    } catch (error) {
      items.push({ source, why: reasonOf(error) });
    }
  }
  return items;
}

function planned(
  line: string,
  { system, task, timezone }: CrontabOptions,
  env: Readonly<Record<string, string>>,
  names: Map<string, number>,
): Extract<ImportItem, { readonly planned: unknown }>["planned"] {
  const count = (line.startsWith("@") ? 1 : 5) + (system ? 1 : 0);
  const words = new RegExp(`^((?:\\S+\\s+){${String(count)}})(\\S.*)$`).exec(line);
  if (words === null) throw new Error(`it has no command after ${String(count)} fields`);
  const fields = (words[1] ?? "").trim().split(/\s+/);
  const user = system ? fields.pop() : undefined;
  const { command, stdin } = commandOf(words[2] ?? "");
  const name = unused(nameOf(command), names);
  const more = Object.keys(env).length === 0 ? {} : { env: { ...env } };
  return {
    name,
    schedule: parseSchedule(timesOf(fields), { timezone }),
    task,
    args: [],
    kwargs: { command, ...(stdin !== undefined && { stdin }), ...(user !== undefined && { user }), ...more },
    options: {},
  };
}

/** Five fields, or a nickname, as this library writes them. Throws for what it cannot say. */
export function timesOf(fields: readonly string[]): string {
  if (fields[0] === "@reboot") throw new Error("@reboot is no time: start it with the machine, such as by systemd");
  if (fields.length === 1)
    return fields[0] === "@midnight" ? "@daily" : fields[0] === "@annually" ? "@yearly" : String(fields[0]);
  if (fields.some((field) => field.includes("~"))) throw new Error("a random time (~) cannot be said; see `jitter`");
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  if (!day.startsWith("*") && !weekday.startsWith("*"))
    throw new Error(`it runs on days ${day} and on weekdays ${weekday} as well; make it two schedules`);
  return [minute, hour, day, month, withoutSeven(weekday)].join(" ");
}

/** Sunday is 0 here. */
function withoutSeven(field: string): string {
  return field
    .split(",")
    .map((part) => {
      const [, from, to, step = "1"] = /^(\d)(?:-(\d))?(?:\/(\d+))?$/.exec(part) ?? [];
      if (from === undefined || !`${from}${to ?? ""}`.includes("7") || Number(step) < 1) return part;
      const days: number[] = [];
      for (let day = Number(from); day <= Number(to ?? from); day += Number(step)) days.push(day % 7);
      return [...new Set(days)].join(",");
    })
    .join(",");
}

/** An unescaped percent sign ends the command; behind it is what it reads, with a line for each further one. */
function commandOf(text: string): { readonly command: string; readonly stdin: string | undefined } {
  const parts = text.split(/(?<!\\)%/).map((part) => part.replaceAll("\\%", "%"));
  const [command = "", ...input] = parts;
  return { command: command.trim(), stdin: input.length === 0 ? undefined : `${input.join("\n")}\n` };
}

/** By the first word that is a program: no setting of a variable before it. */
function nameOf(command: string): string {
  const word = command.split(/\s+/).find((each) => !/^\w+=/.test(each)) ?? "command";
  return basename(word).replace(/[^\w.-]+/g, "-") || "command";
}

function unused(name: string, names: Map<string, number>): string {
  const count = (names.get(name) ?? 0) + 1;
  names.set(name, count);
  return count === 1 ? name : `${name}-${String(count)}`;
}

function bare(value: string): string {
  return /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
}
