/** From a page of Markdown to its HTML: headings with GitHub's anchors, links among pages, colours in code. No script, nothing from elsewhere. */

import { dirname, normalize } from "node:path";
import { Marked, Renderer } from "marked";
import { addressOf } from "./contents.ts";
import { colour, escapeHtml } from "./highlight.ts";

export interface Section {
  readonly level: number;
  readonly title: string;
  readonly anchor: string;
  /** What stands below it, without marks. */
  readonly text: string;
}
export interface Rendered {
  readonly title: string;
  readonly html: string;
  readonly sections: readonly Section[];
  /** Pictures that it shows, by their paths in the repository. */
  readonly pictures: readonly string[];
}

/** `known`: pages that the site has, by their paths in the repository. */
export function render(path: string, text: string, known: ReadonlySet<string>): Rendered {
  const renderer = new PageRenderer(path, known);
  const html = new Marked().parse(text, { renderer, gfm: true }) as string;
  return { title: renderer.sections[0]?.title ?? path, html, sections: renderer.sections, pictures: renderer.pictures };
}

/** Keeps what the menu and the search are made of as it goes. */
class PageRenderer extends Renderer {
  readonly sections: { readonly level: number; readonly title: string; readonly anchor: string; text: string }[] = [];
  readonly pictures: string[] = [];
  readonly #path: string;
  readonly #known: ReadonlySet<string>;
  readonly #anchors = new Map<string, number>();

  constructor(path: string, known: ReadonlySet<string>) {
    super();
    this.#path = path;
    this.#known = known;
  }

  override heading(html: string, level: number, raw: string): string {
    const anchor = anchorOf(raw, this.#anchors);
    this.sections.push({ level, title: plain(html), anchor, text: "" });
    return `<h${String(level)} id="${anchor}"><a class="anchor" href="#${anchor}">${html}</a></h${String(level)}>\n`;
  }

  override link(href: string, _title: string | null | undefined, html: string): string {
    return linkOf(this.#path, href, html, this.#known);
  }

  override image(href: string, _title: string | null, alt: string): string {
    const file = normalize(`${dirname(this.#path)}/${href}`);
    this.pictures.push(file);
    return `<img src="pictures/${file.split("/").at(-1) ?? ""}" alt="${escapeHtml(alt)}" loading="lazy">`;
  }

  override code(code: string, info: string | undefined): string {
    return `<pre tabindex="0"><code>${colour(code, (info ?? "").split(" ")[0] ?? "")}</code></pre>\n`;
  }

  override table(head: string, body: string): string {
    return `<div class="table" tabindex="0"><table><thead>${head}</thead><tbody>${body}</tbody></table></div>\n`;
  }

  override paragraph(inner: string): string {
    this.#note(inner);
    return super.paragraph(inner);
  }

  override listitem(inner: string, task: boolean, checked: boolean): string {
    this.#note(inner);
    return super.listitem(inner, task, checked);
  }

  override tablecell(inner: string, flags: { header: boolean; align: "center" | "left" | "right" | null }): string {
    this.#note(inner);
    return super.tablecell(inner, flags);
  }

  #note(html: string): void {
    const last = this.sections.at(-1);
    if (last !== undefined) last.text += `${plain(html)} `;
  }
}

function linkOf(path: string, href: string, html: string, known: ReadonlySet<string>): string {
  if (/^[a-z]+:/.test(href)) return `<a href="${escapeHtml(href)}" rel="noreferrer">${html}</a>`;
  const [file = "", anchor] = href.split("#", 2);
  const hash = anchor === undefined ? "" : `#${anchor}`;
  if (file === "") return `<a href="${hash}">${html}</a>`;
  const full = normalize(`${dirname(path)}/${file}`).replace(/\/$/, "");
  if (known.has(full)) return `<a href="${addressOf(full)}${hash}">${html}</a>`;
  if (full === "docs/decisions") return `<a href="${addressOf("docs/decisions/README.md")}">${html}</a>`;
  // A file of the repository, which is not a part of the site.
  return `<span class="file" title="${escapeHtml(full)}">${html}</span>`;
}

/** As GitHub makes them; a heading that is there again gets a number. */
function anchorOf(raw: string, taken: Map<string, number>): string {
  const slug = raw
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/&[a-z#\d]+;/g, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, "")
    .replaceAll(" ", "-");
  const before = taken.get(slug);
  taken.set(slug, (before ?? 0) + 1);
  return before === undefined ? slug : `${slug}-${String(before)}`;
}

export function plain(html: string): string {
  return html
    .replace(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ")
    .trim();
}
