/**
 * `npm run docs`: the documentation as a site, in `site/`. Static: it can be opened as files or put on any server; it loads nothing from
 * elsewhere and counts nobody. `npm run docs -- --serve 8000` shows it on this machine; `npm run docs:check` writes nothing, follows every
 * link, looks for names that say nothing or show nothing, and compiles their examples.
 */

import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";
import { checkSite } from "./docs/check.ts";
import { checkExamples } from "./docs/examples.ts";
import { makeSite, writeSite } from "./docs/site.ts";
import { root } from "./process.ts";

const { values } = parseArgs({ options: { check: { type: "boolean", default: false }, serve: { type: "string" } } });
const folder = join(root, "site");
const site = await makeSite();
const every = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".md"))
  .map((path) => `docs/${path}`);
const { links, symbols, wrong: ofSite } = checkSite(site, every);
const { examples, wrong: ofExamples } = values.check ? await checkExamples(site.doors) : { examples: 0, wrong: [] };
const wrong = [...ofSite, ...ofExamples];
for (const line of wrong) process.stdout.write(`${line}\n`);
const compiled = values.check ? `, ${String(examples)} examples` : "";
const counts = `${String(site.pages.size)} pages, ${String(links)} links, ${String(symbols)} public names${compiled}`;
process.stdout.write(wrong.length === 0 ? `${counts}: all is well\n` : `${counts}: ${String(wrong.length)} wrong\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
if (!values.check) {
  await writeSite(site, folder);
  process.stdout.write("site/index.html\n");
}
if (values.serve !== undefined) serve(Number(values.serve));

function serve(port: number): void {
  const types: Readonly<Record<string, string>> = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
  };
  createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    const name = pathname === "/" ? "/index.html" : pathname;
    readFile(join(folder, name)).then(
      (content) => response.writeHead(200, { "content-type": types[extname(name)] ?? "text/plain" }).end(content),
      () => response.writeHead(404).end("not here\n"),
    );
  }).listen(port, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${String(port)}/\n`));
}
