/** The site's own checkers see what is wrong; the real pages and examples are followed and compiled by `npm run docs:check`. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkSite } from "../../scripts/docs/check.ts";
import { checkExamples, needsExample } from "../../scripts/docs/examples.ts";
import { render } from "../../scripts/docs/markdown.ts";
import { readComment, readDoors } from "../../scripts/docs/reference.ts";

const known = new Set(["docs/learn.md", "docs/start.md"]);
const page = (text: string) => render("docs/learn.md", text, known);

describe("a page of the site", () => {
  test("has GitHub's anchors, links to pages, and names of files that are no pages", () => {
    const { html, sections, title } = page(
      "# Learn `it`\n\n## Rates\n\ntext\n\n## Rates\n\n[start](start.md#so) [here](#rates) [code](../src/index.ts)\n",
    );
    expect(title).toBe("Learn it");
    expect(sections.map(({ anchor }) => anchor)).toEqual(["learn-it", "rates", "rates-1"]);
    expect(html).toContain('<a href="start.html#so">start</a> <a href="#rates">here</a>');
    expect(html).toContain('<span class="file" title="src/index.ts">code</span>');
    expect(sections[1]?.text).toBe("text ");
  });

  test("shows code as it is written", () => {
    const { html } = page("# A\n\n```ts\nconst a = b<c>('&'); // why\n```\n");
    expect(html).toContain(
      '<i class="k">const</i> a = b&lt;c&gt;(<i class="s">\'&amp;\'</i>); <i class="c">// why</i>',
    );
  });

  test("a comment is its text and its first example", () => {
    expect(readComment(" * See {@link App}.\n *\n * @example\n * ```ts\n * go();\n * ```\n ")).toEqual({
      text: "See `App`.",
      example: "go();\n",
    });
  });
});

describe("the checker of the site", () => {
  const wrongOf = (text: string, symbolText = "It is."): readonly string[] => {
    const symbol = {
      name: "App",
      kind: "class",
      text: symbolText,
      example: undefined,
      declaration: "",
      file: "a.ts",
      examples: [],
    };
    const pages = new Map([
      ["docs/learn.md", page(text)],
      ["docs/start.md", render("docs/start.md", "# Start\n", known)],
    ]);
    return checkSite({ pages, menus: [], doors: [{ name: "celeriac", symbols: [symbol] }] }, ["docs/learn.md"]).wrong;
  };

  test("has nothing against a page that is right", () => {
    expect(wrongOf("# A\n\n[start](start.md#start), [a file](../package.json)\n")).toEqual([]);
  });

  test.each([
    ["a heading that is not there", "# A\n\n[x](start.md#nowhere)\n", /no such heading/],
    ["a file that is not there", "# A\n\n[x](../src/nothing.ts)\n", /no such file/],
    ["a picture that is not there", "# A\n\n![x](pictures/nothing.svg)\n", /no picture/],
    ["a page without a title", "text\n", /does not begin with a title/],
    ["something from elsewhere", '# A\n\n<img src="https://elsewhere.example/a.png">\n', /loads from elsewhere/],
  ])("finds %s", (_what, text, expected) => {
    expect(wrongOf(text)).toEqual([expect.stringMatching(expected)]);
  });

  test("finds a page that is in no part, and a name that says nothing", () => {
    const pages = new Map([["docs/learn.md", page("# A\n")]]);
    expect(checkSite({ pages, menus: [], doors: [] }, ["docs/lost.md"]).wrong).toEqual([
      expect.stringMatching(/in no part/),
    ]);
    expect(wrongOf("# A\n", "")).toEqual(["celeriac: App does not say what it is"]);
  });
});

describe("the checker of examples", () => {
  const symbol = { kind: "function", text: "It is.", example: undefined, declaration: "", examples: [] };
  const wrongOf = async (symbols: readonly { readonly name: string; readonly examples?: readonly string[] }[]) =>
    checkExamples([
      { name: "celeriac", symbols: symbols.map((own) => ({ ...symbol, file: `${own.name}.ts`, ...own })) },
    ]);

  test("finds one that does not compile, one that is wrong in its types, and a name without any", async () => {
    const { examples, wrong } = await wrongOf([
      {
        name: "right",
        examples: ['const { bytes } = await sent.get();\nawait resize.delay({ file: "a", width: bytes });'],
      },
      { name: "nowhere", examples: ["await app.close();", "const a = 1;\nnowhere(a);"] },
      { name: "narrow", examples: ['await sendReceipt.delay({ order: "7" });'] },
      { name: "bare" },
    ]);
    expect(examples).toBe(4);
    expect(wrong).toEqual([
      "src/bare.ts: bare has no example",
      expect.stringMatching(/^src\/nowhere\.ts: nowhere, line 2 of its example: .*Cannot find name 'nowhere'/),
      expect.stringMatching(/^src\/narrow\.ts: narrow, line 1 of its example: .*not assignable/),
    ]);
  });

  test.each([
    ["function", "function go(): void;", true],
    ["class", "class App {\n}", true],
    ["const", "const clock: Clock;", true],
    ["type", "type Rate = number | string;", false],
    ["interface", "interface A {\n    readonly wait?: number;\n}", true],
    ["interface", "interface A {\n    close(): void;\n}", true],
    ["interface", "interface A {\n    (text: string): void;\n}", true],
    ["interface", "interface A {\n    <T>(value: T): T;\n}", true],
    ["interface", "interface A {\n    readonly report: (text: string) => void;\n}", true],
    ["interface", "interface A {\n    /** close(): never? */\n    readonly done: number;\n}", false],
  ])("says whether a %s needs one: %s", (kind, declaration, expected) => {
    expect(needsExample({ kind, declaration })).toBe(expected);
  });

  test("finds the examples of a comment and of members, without their stars", async () => {
    const folder = await mkdtemp(join(tmpdir(), "celeriac-reference-"));
    try {
      const comment = (indent: string, code: string) =>
        `${indent}/**\n${indent} * It is.\n${indent} *\n${indent} * @example\n${indent} * \`\`\`ts\n${indent} * ${code}\n${indent} * \`\`\`\n${indent} */\n`;
      const text = `${comment("", "one();")}export interface A {\n${comment("    ", "two();")}    two(): void;\n}\n`;
      await writeFile(join(folder, "index.d.ts"), text);
      const [door] = await readDoors(folder, { ".": { types: "./dist/index.d.ts" } });
      expect(door?.symbols.map(({ name, examples }) => [name, examples])).toEqual([["A", ["one();", "two();"]]]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
