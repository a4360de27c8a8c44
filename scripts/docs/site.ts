/** The whole site: pages of the repository and the generated reference, rendered into a folder. What does not fit together is said, not hidden. */

import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run, tool } from "../process.ts";
import { addressOf, parts } from "./contents.ts";
import { render, type Rendered } from "./markdown.ts";
import { type Door, readDoors } from "./reference.ts";
import { referencePage, referencePath } from "./reference-page.ts";
import { type Menu, pageHtml } from "./template.ts";

export interface Site {
  readonly pages: ReadonlyMap<string, Rendered>;
  readonly menus: readonly Menu[];
  readonly doors: readonly Door[];
}

/** Reads and renders; writes nothing. */
export async function makeSite(): Promise<Site> {
  const doors = await readReference();
  const texts = new Map<string, string>();
  const menus: { title: string; paths: string[] }[] = [];
  for (const { title, pages } of parts) {
    const paths = (await Promise.all(pages.map(pathsOf))).flat();
    for (const path of paths) texts.set(path, await readFile(join(root, path), "utf8"));
    menus.push({ title, paths });
  }
  const reference = menus.find(({ title }) => title === "Reference");
  for (const door of doors) {
    texts.set(referencePath(door.name), referencePage(door));
    reference?.paths.push(referencePath(door.name));
  }
  texts.set("docs/decisions/README.md", decisionsPage(texts));
  const known = new Set(texts.keys());
  const pages = new Map([...texts].map(([path, text]) => [path, render(path, text, known)]));
  const titleOf = (path: string): string => (path === "README.md" ? "Celeriac" : (pages.get(path)?.title ?? path));
  return {
    pages,
    doors,
    menus: menus.map(({ title, paths }) => ({
      title,
      entries: paths
        // Each decision is a page, and one line stands for all of them.
        .filter((path) => !path.startsWith("docs/decisions/"))
        .concat(title === "Behind it" ? ["docs/decisions/README.md"] : [])
        .map((path) => ({ path, title: titleOf(path) })),
    })),
  };
}

async function pathsOf(path: string): Promise<readonly string[]> {
  if (!path.endsWith("/")) return [path];
  return (await readdir(join(root, path))).filter((name) => name.endsWith(".md")).map((name) => path + name);
}

function decisionsPage(texts: ReadonlyMap<string, string>): string {
  const all = [...texts]
    .filter(([path]) => path.startsWith("docs/decisions/"))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lines = all.map(
    ([path, text]) => `- [${/^# (.+)$/m.exec(text)?.[1] ?? path}](${path.split("/").at(-1) ?? ""})`,
  );
  return `# Decisions\n\nWhat was decided, why, and what follows from it.\n\n${lines.join("\n")}\n`;
}

async function readReference(): Promise<readonly Door[]> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-reference-"));
  try {
    const options = ["--declaration", "--emitDeclarationOnly", "--sourceMap", "false", "--inlineSources", "false"];
    const made = await run(tool("tsc"), ["-p", "tsconfig.build.json", "--outDir", folder, ...options], {
      output: "keep",
    });
    if (made.code !== 0) throw new Error(made.text);
    const { exports } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
      readonly exports: Readonly<Record<string, unknown>>;
    };
    return await readDoors(folder, exports);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function writeSite({ pages, menus }: Site, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "pictures"), { recursive: true });
  for (const name of ["site.css", "site.js"]) await cp(join(root, "scripts/docs/site", name), join(folder, name));
  const entries: object[] = [];
  for (const [path, page] of pages) {
    await writeFile(join(folder, addressOf(path)), pageHtml(path, page, menus));
    for (const picture of page.pictures)
      await cp(join(root, picture), join(folder, "pictures", picture.split("/").at(-1) ?? ""));
    for (const { title, anchor, text } of page.sections)
      entries.push({ page: page.title, title, address: `${addressOf(path)}#${anchor}`, text: text.slice(0, 2000) });
  }
  await writeFile(join(folder, "search-index.js"), `window.celeriacSearch = ${JSON.stringify(entries)};\n`);
}
