/** `celeriac import crontab`: reads the file, adds what it says, and with `--move` takes out of it what was added. */

import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { readCrontab } from "./crontab-reader.ts";
import { UsageError } from "./failure.ts";
import { carryOut, type ImportFlags, reasonOf } from "./import-plan.ts";

export interface CrontabFlags extends ImportFlags {
  readonly task: string;
  readonly timezone?: string;
  readonly system?: boolean;
  readonly move?: boolean;
}

export async function importCrontab(file: string, flags: CrontabFlags): Promise<number> {
  const path = resolve(file);
  const text = textOf(file, path);
  const system = flags.system ?? /^\/etc\/(?:crontab$|cron\.d\/)/.test(path);
  const timezone = flags.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const items = readCrontab(text, { system, task: flags.task, timezone });
  return carryOut(items, flags, (sources) => {
    if (flags.move === true && sources.length > 0) comment(path, text, sources);
  });
}

function textOf(file: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`${file}: ${reasonOf(error)}`);
  }
}

/** Whole or not at all; lines keep their numbers. */
function comment(path: string, text: string, sources: readonly string[]): void {
  const moved = new Set(sources);
  const lines = text
    .split("\n")
    .map((line, index) => (moved.has(`line ${String(index + 1)}`) ? `# celeriac: ${line}` : line));
  const beside = `${path}.celeriac`;
  writeFileSync(beside, lines.join("\n"), { mode: statSync(path).mode });
  renameSync(beside, path);
}
