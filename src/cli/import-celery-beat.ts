/** `celeriac import celery-beat`: asks Python for an app's `beat_schedule`, or for what a file of its beat holds, and adds that. */

import { resolve } from "node:path";
import type { ScheduleOptions } from "../app/schedule-book.ts";
import { scheduleOf } from "../beat/schedule-spec.ts";
import { systemClock } from "../clock/clock.ts";
import { UsageError } from "./failure.ts";
import { carryOut, type ImportFlags, type ImportItem, reasonOf } from "./import-plan.ts";
import { askPython, type PythonScript } from "./python-script.ts";

export interface CeleryBeatFlags extends ImportFlags {
  /** `module` or `module:attribute`. */
  readonly from?: string;
  readonly file?: string;
  readonly python: string;
  readonly path?: readonly string[];
}

/** As `beat_schedule.py` prints it. */
export interface BeatSchedule {
  readonly timezone: string;
  readonly entries: readonly BeatEntry[];
}
export type BeatEntry =
  | { readonly name: string; readonly task: string; readonly problem: string }
  | {
      readonly name: string;
      readonly task: string;
      readonly schedule: Readonly<Record<string, unknown>>;
      readonly args: readonly unknown[];
      readonly kwargs: Readonly<Record<string, unknown>>;
      readonly options: Readonly<Record<string, unknown>>;
    };

const reader: PythonScript = {
  script: "beat_schedule.py",
  purpose: "tell the schedule",
  remedy: "Name the interpreter of your Celery project with --python, and its folder with --path.",
};

export async function importCeleryBeat(flags: CeleryBeatFlags): Promise<number> {
  const { from, file, python, path: paths = ["."] } = flags;
  if ((from === undefined) === (file === undefined))
    throw new UsageError(
      "Name the Celery app with --from module:app, or the file of its beat with --file: one of them.",
    );
  const wish = {
    paths: paths.map((path) => resolve(path)),
    app: from,
    file: file === undefined ? undefined : resolve(file),
  };
  const found = await askPython(python, reader, wish, systemClock);
  return carryOut(itemsOf(found as BeatSchedule), flags);
}

/** Each item's source is the entry's name. */
export function itemsOf({ timezone, entries }: BeatSchedule): readonly ImportItem[] {
  return entries.map((entry): ImportItem => {
    const source = entry.name;
    if (entry.task === "celery.backend_cleanup") return { source, why: "nothing to do: results expire by themselves" };
    if ("problem" in entry) return { source, why: entry.problem };
    const { name, task, args, kwargs, schedule } = entry;
    try {
      const options = optionsOf(entry.options);
      // The others mean the same everywhere.
      const zone = schedule["kind"] === "cron" || schedule["relative"] === true ? { timezone } : {};
      return { source, planned: { name, schedule: scheduleOf({ ...schedule, ...zone }), task, args, kwargs, options } };
    } catch (error) {
      return { source, why: reasonOf(error) };
    }
  });
}

function optionsOf(options: Readonly<Record<string, unknown>>): ScheduleOptions {
  const { queue, priority, expires, headers, ...others } = options;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Error(`its option "${other}" has no counterpart here`);
  if (expires !== undefined && expires !== null && typeof expires !== "number")
    throw new Error("it expires at a moment, which makes no sense for what is sent again and again");
  return {
    ...(typeof queue === "string" && { queue }),
    ...(typeof priority === "number" && { priority }),
    ...(typeof expires === "number" && { expires: expires * 1000 }),
    ...(typeof headers === "object" && headers !== null && { headers: headers as Readonly<Record<string, unknown>> }),
  };
}
