/** One page of the site as HTML. Everything it loads lies beside it: no fonts, no scripts and no counters from elsewhere. */

import { addressOf } from "./contents.ts";
import { escapeHtml } from "./highlight.ts";
import type { Rendered } from "./markdown.ts";

export interface Entry {
  readonly path: string;
  readonly title: string;
}
export interface Menu {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** What a page may do: nothing but this. From a file there is no "self", so that case is named. */
const policy = "default-src 'none'; style-src 'self' file:; script-src 'self' file:; img-src 'self' file:";

export function pageHtml(path: string, { title, html, sections }: Rendered, menus: readonly Menu[]): string {
  const flat = menus.flatMap(({ entries }) => entries);
  const here = flat.findIndex((entry) => entry.path === path);
  const [before, after] = [flat[here - 1], flat[here + 1]];
  const inner = sections.filter(({ level }) => level === 2 || level === 3);
  const shown = inner.length > 60 ? inner.filter(({ level }) => level === 2) : inner;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(title)}${path === "README.md" ? "" : " · Celeriac"}</title>
<link rel="stylesheet" href="site.css">
<script src="site.js" defer></script>
</head>
<body>
<a class="skip" href="#content">To the text</a>
<header>
<button class="menu" aria-expanded="false" aria-controls="parts">Menu</button>
<a class="name" href="index.html">Celeriac</a>
<div class="search" role="search"><input id="search" type="search" placeholder="Search ( / )" aria-label="Search" autocomplete="off" aria-controls="found"><ul id="found" role="listbox" aria-label="Found" hidden></ul></div>
<button id="theme" aria-label="Light or dark">◐</button>
</header>
<div class="page">
<nav class="parts" id="parts" aria-label="Pages">
${menus.map((menu) => menuHtml(menu, path)).join("\n")}
</nav>
<main id="content">
${html}
<div class="turn">${turn(before, "← ")}${turn(after, "", " →")}</div>
</main>
<nav class="sections" aria-label="On this page"><ul>
${shown.map(({ level, title: name, anchor }) => `<li><a${level === 3 ? ' class="deep"' : ""} href="#${anchor}">${escapeHtml(name)}</a></li>`).join("\n")}
</ul></nav>
</div>
</body>
</html>
`;
}

function menuHtml({ title, entries }: Menu, path: string): string {
  const items = entries.map((entry) => {
    const current = entry.path === path ? ' aria-current="page"' : "";
    return `<li><a href="${addressOf(entry.path)}"${current}>${escapeHtml(entry.title)}</a></li>`;
  });
  return `<h2>${escapeHtml(title)}</h2>\n<ul>${items.join("")}</ul>`;
}

function turn(entry: Entry | undefined, before = "", after = ""): string {
  if (entry === undefined) return "<span></span>";
  return `<a href="${addressOf(entry.path)}">${before}${escapeHtml(entry.title)}${after}</a>`;
}
