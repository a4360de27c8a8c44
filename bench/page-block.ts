/**
 * What a measurement writes into a page of the docs: the text between two marks that stand there, `<!-- bench: NAME -->` and
 * `<!-- /bench: NAME -->`. A page without the marks is refused, so that nothing is lost or written twice.
 */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../scripts/process.ts";

export async function writeBlock(page: string, name: string, content: string): Promise<void> {
  const path = join(root, page);
  await writeFile(path, withBlock(await readFile(path, "utf8"), name, content));
  process.stdout.write(`written: ${page}, block "${name}"\n`);
}

export function withBlock(page: string, name: string, content: string): string {
  const [begin, end] = [`<!-- bench: ${name} -->`, `<!-- /bench: ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no ${begin} … ${end}`);
  return `${page.slice(0, from)}${begin}\n\n${content.trim()}\n\n${page.slice(to)}`;
}

/** The first column to the left, all others, which are figures, to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");
  return [line(head), line(head.map((_, at) => (at === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
