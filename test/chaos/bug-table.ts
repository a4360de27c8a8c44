/** The table of seeded bugs in a page: a row for each bug and broker, replaced by the next run of the same. */

import { readFileSync, writeFileSync } from "node:fs";
import type { Caught } from "./bug-run.ts";

const begin = "<!-- seeded bugs: npm run chaos:bugs -- --table docs/chaos.md -->";
const end = "<!-- end of seeded bugs -->";
const head: readonly string[] = [
  "| bug | broker | what it does | tasks × faults | seed | what the checker said first |",
  "|---|---|---|---|---|---|",
];
const longest = 160;

export interface BugRow {
  readonly name: string;
  readonly broker: string;
  readonly says: string;
  /** Tasks and faults of a run. */
  readonly size: string;
  readonly caught: Caught | undefined;
}

export function writeRow(path: string, row: BugRow): void {
  writeFileSync(path, withRow(readFileSync(path, "utf8"), row));
}

/** Throws if the page has no marks. Rows stand in the order of bug and broker. */
export function withRow(page: string, { name, broker, says, size, caught }: BugRow): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no ${begin} … ${end}`);
  const key = `| `.concat(`\`${name}\``, " | ", broker, " |");
  const said = caught ? `\`${caught.said.slice(0, longest).replaceAll("|", "/").replaceAll("`", "'")}\`` : "nothing";
  const line = `${key} ${says} | ${size} | ${caught ? String(caught.seed) : "**not caught**"} | ${said} |`;
  const rows = page
    .slice(from + begin.length, to)
    .split("\n")
    .filter((each) => each.startsWith("| `") && !each.startsWith(key));
  const body = [...head, ...[...rows, line].sort()].join("\n");
  return `${page.slice(0, from)}${begin}\n\n${body}\n\n${page.slice(to)}`;
}
