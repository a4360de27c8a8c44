/**
 * The documentation as its tests see it: pages, their links, their anchors, their blocks of TypeScript. README, CHANGELOG,
 * CONTRIBUTING and everything below docs/.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "../source-tree.ts";

export interface Block {
  readonly page: string;
  /** Of the fence, from 1. */
  readonly line: number;
  /** The word after `context=` in the info string: what stands before the block, see `contexts.ts`. */
  readonly context: string | undefined;
  readonly code: string;
}
export interface Page {
  /** Path from the root of the repository. */
  readonly path: string;
  readonly text: string;
  /** Without fenced blocks and code spans: what a reader sees as prose. */
  readonly prose: string;
  readonly anchors: ReadonlySet<string>;
  readonly blocks: readonly Block[];
}

/** Every page, sorted by path. */
export function readPages(): readonly Page[] {
  const below = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => join("docs", path));
  return ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ...below.toSorted()].map(readPage);
}

export function readPage(path: string): Page {
  const text = readFileSync(join(root, path), "utf8");
  const prose = text.replace(/^```.*\n[^]*?^```$/gm, "");
  return {
    path: relative(root, join(root, path)),
    text,
    prose,
    anchors: anchorsOf(prose),
    blocks: blocksOf(path, text),
  };
}

/** As GitHub makes them from headings; a repeated heading gets a number. */
function anchorsOf(prose: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, title = ""] of prose.matchAll(/^#{1,6} +(.+)$/gm)) {
    const slug = title
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-");
    let name = slug;
    for (let again = 1; anchors.has(name); again++) name = `${slug}-${String(again)}`;
    anchors.add(name);
  }
  return anchors;
}

function blocksOf(page: string, text: string): readonly Block[] {
  return [...text.matchAll(/^```ts(?: +(.*))?\n([^]*?)^```$/gm)].map((found) => ({
    page,
    line: text.slice(0, found.index).split("\n").length,
    context: /(?:^| )context=([\w-]+)/.exec(found[1] ?? "")?.[1],
    code: found[2] ?? "",
  }));
}
