/** Does the site hang together? Every page in a part, every link and picture there, every public name with its comment. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../process.ts";
import { addressOf } from "./contents.ts";
import type { Site } from "./site.ts";

export interface Checked {
  readonly links: number;
  readonly symbols: number;
  readonly wrong: readonly string[];
}

/** `every`: all pages of docs/, by their paths in the repository. */
export function checkSite({ pages, doors }: Site, every: readonly string[]): Checked {
  const wrong: string[] = [];
  const anchors = new Map(
    [...pages].map(([path, { sections }]) => [addressOf(path), new Set(sections.map(({ anchor }) => anchor))]),
  );
  let links = 0;
  for (const path of every) if (!pages.has(path)) wrong.push(`${path}: in no part of scripts/docs/contents.ts`);
  for (const [path, { html, pictures, sections }] of pages) {
    if (sections[0]?.level !== 1) wrong.push(`${path}: does not begin with a title`);
    for (const picture of pictures) if (!existsSync(join(root, picture))) wrong.push(`${path}: no picture ${picture}`);
    for (const [, href = ""] of html.matchAll(/<a (?:class="anchor" )?href="([^"]+)"/g)) {
      links++;
      if (/^[a-z]+:/.test(href)) continue;
      const [file = "", anchor] = href.split("#", 2);
      const there = anchors.get(file === "" ? addressOf(path) : file);
      if (there === undefined) wrong.push(`${path}: ${href}: no such page`);
      else if (anchor !== undefined && !there.has(anchor)) wrong.push(`${path}: ${href}: no such heading`);
    }
    for (const [, file = ""] of html.matchAll(/<span class="file" title="([^"]+)"/g)) {
      links++;
      if (!existsSync(join(root, file))) wrong.push(`${path}: ${file}: no such file`);
    }
    for (const [found] of html.matchAll(/<(?:script|link|img|iframe)[^>]+(?:src|href)="https?:[^"]*"/g))
      wrong.push(`${path}: loads from elsewhere: ${found}`);
  }
  let symbols = 0;
  for (const door of doors) {
    if (door.symbols.length === 0) wrong.push(`${door.name}: exports nothing`);
    for (const { name, text } of door.symbols) {
      symbols++;
      if (text === "") wrong.push(`${door.name}: ${name} does not say what it is`);
    }
  }
  return { links, symbols, wrong };
}
