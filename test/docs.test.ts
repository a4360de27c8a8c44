/**
 * The documentation is held to the code: examples compile, links and anchors lead somewhere, tables name what exists, each
 * promise names a test that exists, and every public name says what it is.
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { compile } from "../scripts/docs/compile.ts";
import { openBackend } from "../src/app/connect.ts";
import { systemClock } from "../src/clock/clock.ts";
import { contexts, files } from "./docs/contexts.ts";
import { readPage, readPages } from "./docs/page.ts";
import { readTree, root } from "./source-tree.ts";

const pages = readPages();
const byPath = new Map(pages.map((page) => [page.path, page]));
const source = (path: string): string => readFileSync(join(root, path), "utf8");

describe("examples", () => {
  test("compile, each page as a project of its own", async () => {
    const texts = new Map<string, string>();
    const places = new Map<string, string>();
    for (const page of pages) {
      const project = page.path.replace(/\.md$/, "").replaceAll("/", "-").toLowerCase();
      for (const [name, text] of Object.entries(files)) texts.set(join(project, name), text);
      for (const { code, context, line } of page.blocks) {
        const own = /^\/\/ ([\w-]+\.ts)\n/.exec(code)?.[1];
        const file = join(project, own ?? `line-${String(line)}.ts`);
        const before = context === undefined ? "" : contexts[context];
        expect(before, `${page.path}:${String(line)}: there is no context "${String(context)}"`).toBeDefined();
        places.set(file, `${page.path}:${String(line)}`);
        texts.set(file, `${before}${code}`);
      }
    }
    const told = await compile(texts);
    expect(told.map(({ file, line, text }) => `${places.get(file) ?? ""} ${file}(${String(line)}): ${text}`)).toEqual(
      [],
    );
    expect(places.size).toBeGreaterThan(30);
    // The compiler takes seconds, on a machine that has nothing else to do.
  }, 400_000);
});

describe("links", () => {
  test("lead to files and headings that exist", () => {
    const broken: string[] = [];
    for (const { path, prose } of pages) {
      for (const [, target = ""] of prose.replace(/`[^`\n]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file = "", anchor] = target.split("#", 2);
        const full = file === "" ? path : normalize(join(dirname(path), file));
        if (!existsSync(join(root, full))) broken.push(`${path}: ${target}`);
        else if (anchor !== undefined && !(byPath.get(full) ?? readPage(full)).anchors.has(anchor)) {
          broken.push(`${path}: ${target} (no such heading)`);
        }
      }
    }
    expect(broken).toEqual([]);
  });
});

describe("promises", () => {
  test.each(["docs/guarantees.md", "docs/security.md"])("in %s name tests that exist", (path) => {
    const page = source(path);
    const named = [...page.matchAll(/\]\(\.\.\/([^)]+\.ts)\): \*([^*]+)\*/g)];
    const missing = named.filter(([, path = "", title = ""]) => !source(path).includes(title));
    expect(missing.map(([, path, title]) => `${String(path)}: ${String(title)}`)).toEqual([]);
    expect(named.length).toBeGreaterThan(5);
  });
});

describe("the promises", () => {
  const page = source("docs/guarantees.md");
  const numbers = Array.from({ length: 17 }, (_, n) => `G${String(n + 1)}`);

  test("are all there, each with a test that shows it", () => {
    const sections = new Map(page.split(/^## /m).map((text) => [/^G\d+/.exec(text)?.[0], text]));
    const bare = numbers.filter((number) => !/\]\(\.\.\/[^)]+\.ts\): \*/.test(sections.get(number) ?? ""));
    expect(bare).toEqual([]);
  });

  test("have a row each in the table of exceptions, with a cell for every broker", () => {
    const [, table = ""] = /^## Exceptions\n([^]*?)\n## /m.exec(page) ?? [];
    const rows = table.split("\n").filter((line) => /^\| G\d/.test(line));
    expect(new Set(rows.map((row) => /G\d+/.exec(row)?.[0]))).toEqual(new Set(numbers));
    expect(rows.filter((row) => row.split("|").length !== 8 || /\|\s*\|/.test(row))).toEqual([]);
  });
});

describe("the table of hostile input", () => {
  test("has codes that exist, and a test for each row", () => {
    const [, table = ""] = /^## Hostile input\n([^]*?)(?:\n## |$(?![^]))/m.exec(source("docs/security.md")) ?? [];
    const rows = table.split("\n").filter((line) => line.startsWith("| ") && !/^\| (?:input|---)/.test(line));
    const reasons = /readonly reason:\n([^;]+);/.exec(source("src/port/queue-admin.ts"))?.[1] ?? "";
    const codes = source("docs/errors.md").matchAll(/^#{2,3} ([A-Z_]+)$/gm);
    const known = new Set([...codes, ...reasons.matchAll(/"([a-z-]+)"/g)].map(([, name = ""]) => name));
    const bad = rows.filter((row) => {
      const [, code = "", , test = ""] = row.split(" | ");
      const named = [...code.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
      return (
        !/^\[[^\]]+\]\(\.\.\/[^)]+(?:\.test|-suite)\.ts\): \*/.test(test) || named.some((name) => !known.has(name))
      );
    });
    expect(bad).toEqual([]);
    expect(rows.length).toBeGreaterThan(25);
  });
});

describe("the broker table", () => {
  const rows = new Map(
    [...source("docs/brokers.md").matchAll(/^\| `([\w.]+)` \|(.+)\|$/gm)].map(([, name = "", cells = ""]) => [
      name,
      cells.split("|").map((cell) => cell.trim()),
    ]),
  );

  test.each([
    ["memory:", 0],
    ["sqlite:nowhere.db", 1],
    ["redis://127.0.0.1:1/0", 2],
    ["amqp://127.0.0.1:1/", 3],
    ["amqp://127.0.0.1:1/?queueType=quorum", 4],
    ["amqp://127.0.0.1:1/?maxPriority=9", 5],
  ])("says what %s can do", async (url, column) => {
    const { broker, store } = await openBackend(url, {
      clock: systemClock,
      maxMessageBytes: 1,
      maxDepth: 0,
      commandTimeout: 1,
      allowEviction: false,
      keyPrefix: "",
    });
    const flat: Readonly<Record<string, unknown>> = {
      ...broker.features,
      "delay.resolution": broker.features.delay?.resolution,
      "delay.max": broker.features.delay?.max,
      "priority.first": broker.features.priority?.first,
      "priority.levels": broker.features.priority?.levels.join(", "),
      ...store?.features,
      joins: store && store.joins !== undefined,
      delay: undefined,
      priority: undefined,
    };
    const told = Object.entries(flat).filter(([, value]) => value !== undefined);
    expect(told.map(([name]) => [name, rows.get(name)?.[column]])).toEqual(
      told.map(([name, value]) => [name, `\`${String(value)}\``]),
    );
  });
});

describe("the command line", () => {
  test("has every command and option in its page, and the page has no other", () => {
    const code = readTree("src/cli")
      .filter(({ path, test: isTest }) => !isTest && (path.includes("/command/") || path.endsWith("/option.ts")))
      .map(({ text }) => text)
      .join("\n");
    const options = (text: string): Set<string> =>
      new Set([...text.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([option]) => option));
    const page = source("docs/cli.md");
    const declared = options(code).union(new Set(["--help", "--version"]));
    expect([...options(page)].toSorted()).toEqual([...declared].toSorted());
  });
});

describe("options", () => {
  test.each([
    ["src/app/config.ts", "AppOptions"],
    ["src/app/work.ts", "WorkOptions"],
    ["src/app/draft.ts", "SendOptions"],
    ["src/task/options.ts", "AnyTaskOptions"],
    ["src/task/options.ts", "TaskOptions"],
    ["src/task/retry.ts", "RetryOption"],
    ["src/task/context.ts", "TaskContext"],
  ])("of %s, %s, all stand in learn.md", (path, name) => expectOn("docs/learn.md", path, name));

  test("of src/app/signing.ts, SigningOptions, all stand in security.md", () =>
    expectOn("docs/security.md", "src/app/signing.ts", "SigningOptions"));

  test.each([
    ["src/dashboard/options.ts", "DashboardOptions"],
    ["src/dashboard/options.ts", "HistoryOptions"],
    ["src/dashboard/alert/rules.ts", "AlertOptions"],
  ])("of %s, %s, all stand in dashboard.md", (path, name) => expectOn("docs/dashboard.md", path, name));

  test("of src/web/task-service.ts, TasksOptions, all stand in frameworks.md", () =>
    expectOn("docs/frameworks.md", "src/web/task-service.ts", "TasksOptions"));

  test.each([
    ["src/outbox/outbox.ts", "OutboxOptions"],
    ["src/outbox/outbox.ts", "RelayOptions"],
  ])("of %s, %s, all stand in outbox.md", (path, name) => expectOn("docs/outbox.md", path, name));

  test.each([
    ["src/app/beat.ts", "BeatOptions"],
    ["src/app/schedule-book.ts", "ScheduleOptions"],
    ["src/app/schedule-book.ts", "SchedulePolicyOptions"],
    ["src/app/schedules.ts", "Schedules"],
  ])("of %s, %s, all stand in schedules.md", (path, name) => expectOn("docs/schedules.md", path, name));

  function expectOn(pagePath: string, path: string, name: string): void {
    const body = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n([^]*?)^\\}`, "m").exec(source(path))?.[1] ?? "";
    const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)(?:\?|<[\w, ]+>)?[:(]/gm)].map(
      ([, member = ""]) => member,
    );
    const page = source(pagePath);
    expect(members.length).toBeGreaterThan(1);
    expect(members.filter((member) => !new RegExp(`\`(?:ctx\\.)?${member}\\b`).test(page))).toEqual([]);
  }
});

describe("dead letters", () => {
  test("have every reason that a worker gives in learn.md", () => {
    const [, union = ""] = /readonly reason:\n([^;]+);/.exec(source("src/port/queue-admin.ts")) ?? [];
    const worker = readTree("src/worker").filter((file) => !file.test);
    const given = [...union.matchAll(/"([a-z-]+)"/g)]
      .map(([, reason = ""]) => reason)
      .filter((reason) => worker.some(({ text }) => text.includes(`"${reason}"`) || text.includes(` ${reason}:`)));
    const page = source("docs/learn.md");
    expect(given.length).toBeGreaterThan(5);
    expect(given.filter((reason) => !page.includes(`\`${reason}\``))).toEqual([]);
  });
});

describe("public names", () => {
  const exported = [...source("src/index.ts").matchAll(/^export (?:type )?\{([^}]+)\} from "\.\/([^"]+)"/gm)].flatMap(
    ([, names = "", file = ""]) =>
      names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "")
        .map((name) => ({ name, comment: commentOf(name, source(join("src", file))) })),
  );

  // Which of them need an example, and whether it compiles, is asked by `npm run docs:check`.
  test("say what they are", () => {
    const silent = exported.filter(({ comment }) => comment === "");
    expect(silent.map(({ name }) => name)).toEqual([]);
    expect(exported.length).toBeGreaterThan(40);
  });
});

/** The doc comment right above a declaration; "" without one. */
function commentOf(name: string, text: string): string {
  const declaration = new RegExp(
    `/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s*export (?:declare )?(?:abstract )?(?:const|class|function|interface|type) ${name}\\b`,
  );
  return declaration.exec(text)?.[1] ?? "";
}
