/** `celeriac types` against real Celery workers: what it writes compiles, and is typed as the Python functions are. */

import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run as runTool, tool } from "../../scripts/process.ts";
import { releaseNames, releases } from "../interop/release.ts";
import { startCelery } from "../server/celery-worker.ts";
import { celeriac, type Finished } from "../server/command-line.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeNeeding, describeWith } from "../server/required-program.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const python = fileURLToPath(new URL("./typed/", import.meta.url));

let redis: RedisServer;
let folder: string;
beforeAll(async () => {
  redis = await startRedis();
  folder = await mkdtemp(join(tmpdir(), "celeriac-types-"));
});
afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

const types = (...args: readonly string[]): Promise<Finished> =>
  celeriac(["types", "--broker", redis.url, ...args], { CELERIAC_BROKER: "", PYTHONDONTWRITEBYTECODE: "1" });

/** Calls that must compile, and calls that must not. */
const use = `
import { Decimal, PlainDate, PlainTime, Uuid } from "celeriac";
import { alone, bare, every, only_names_, open_ended, order, Report, send, tasks_add } from "./tasks.ts";

export const sum: number = await (await tasks_add.delay(1, 2)).get();
// @ts-expect-error a text is no number
void tasks_add.delay("1");
// @ts-expect-error there is no third parameter
void tasks_add.delay(1, 2, 3);
const [count, to]: [number, string] = await (await send.delay({ to: "a@b", subject: "s", at: new Date() })).get();
// @ts-expect-error the subject has a name
void send.delay("a@b", "s");
export const told: string = to.repeat(count);
void every.delay([1], ["a"], [1, 2], [1, "a"], { a: new Decimal("1") }, "s", new PlainDate("2030-01-02"), new PlainTime("01:02:03"),
  new Uuid("0190c2d2-7f00-7000-8000-000000000001"), new Uint8Array(1), null, [1, null, "a"], true, false);
void alone.delay({ options: { a: 1 } });
// @ts-expect-error would be sent as keyword arguments
void alone.delay({ a: 1 });
const line = await (await order.delay([{ sku: "a", count: 1 }], { language: "de" }, { query: "q", limit: 3 })).get();
export const sku: string = line.sku;
// @ts-expect-error the count is missing
void order.delay([{ sku: "a" }], { language: "de" }, { query: "q" });
void open_ended.delay("a", 3);
void open_ended.delay({ name: "a", size: 3, colour: "red" });
void only_names_.delay({ colour: "red", anything: 3 });
void bare.delay({ x: {}, y: "z" });
void Report.delay(2030);
void Report.delay({ year: 2030, draft: true });
`;

/** A project of the user's own, with what was written as `tasks.ts`. Answers what the compiler says. */
async function compile(name: string, more: string): Promise<string> {
  const project = join(folder, name);
  await writeFile(join(project, "app.ts"), `import { createApp } from "celeriac";\nexport const app = createApp();\n`);
  await writeFile(join(project, "use.ts"), more);
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const options = {
    target: "es2024",
    lib: ["es2024", "esnext"],
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
    types: ["node"],
    paths: { celeriac: [join(root, "src/index.ts")] },
  };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.ts"] }));
  await symlink(join(root, "node_modules"), join(project, "node_modules"));
  return (await runTool(tool("tsc"), ["-p", project, "--pretty", "false"], { cwd: project, output: "keep" })).text;
}

describeWith("redis-server", "celeriac types over Redis", () => {
  for (const name of releaseNames) {
    const release = releases[name];
    describeNeeding(release, `celeriac types, Celery ${name}`, () => {
      // Who is named has soon answered, and nobody else is waited for.
      const named = ["--destination", `w${name}@typed`, "--timeout", "100s"];
      let worker: AsyncDisposable;
      let project: string;
      beforeAll(async () => {
        worker = await startCelery({
          release,
          folder: python,
          app: "shop.tasks",
          name: `w${name}@typed`,
          env: { SHOP_BROKER: redis.url },
        });
        project = join(folder, `celery-${name}`);
        await mkdir(project);
      });
      afterAll(() => worker[Symbol.asyncDispose]());

      test("imports the workers' modules, and what it writes compiles as the functions are", async () => {
        const out = join(project, "tasks.ts");
        const args = [...named, "--python", release.interpreter, "--path", python, "--out", out];
        const first = await types(...args);
        expect(first.stderr).toBe("");
        expect(first.stdout).toMatch(/mail\.send +send +celery +module/);
        expect(first.stdout).toContain(`wrote ${out}: 12 declarations`);
        const text = await readFile(out, "utf8");
        expect(text).toContain("/** Adds two numbers. A comment may end in *\\/ here. */\nexport const tasks_add = ");
        expect(await compile(`celery-${name}`, use.replaceAll("only_names_", "all_of_them"))).toBe("");
        expect((await types(...args)).code).toBe(0);
        expect(await readFile(out, "utf8")).toBe(text);
      });

      test("reads the same from the source as text, when nothing may be imported", async () => {
        const places = [...named, "--python", release.interpreter, "--path", python, "--json"];
        const [imported, read] = await Promise.all([types(...places), types(...places, "--no-import")]);
        const typesOf = ({ stdout }: Finished): [string, string, string | undefined][] =>
          (JSON.parse(stdout) as { name: string; type: string; problem?: string }[])
            .filter(({ name: task }) => task !== "shop.reports.Report") // a class, which text alone does not tell
            .map(({ name: task, type, problem }) => [task, type.replace(/shop\.\w+\./g, ""), problem]);
        expect(typesOf(read)).toEqual(typesOf(imported));
        expect(typesOf(read)).toHaveLength(11);
      });

      test("takes a stub file before the module, and another one where it is told", async () => {
        const own = join(folder, `stubs-${name}`);
        await cp(python, join(own, "beside"), { recursive: true });
        await writeFile(join(own, "beside/shop/tasks.pyi"), "def add(x: str, y: str | None = ...) -> bool: ...\n");
        await mkdir(join(own, "far/shop-stubs"), { recursive: true });
        await writeFile(join(own, "far/shop-stubs/tasks.pyi"), "def add(x: bytes) -> bytes:\n    'From a stub.'\n");
        const typeOf = async (...args: readonly string[]): Promise<string | undefined> => {
          const told = await types(...named, "--python", release.interpreter, "--path", join(own, "beside"), ...args);
          return /tasks_add = app\.remote<(.+)>/.exec(told.stdout)?.[1];
        };
        expect(await typeOf()).toBe("(x: string, y?: string | null) => boolean");
        expect(await typeOf("--stubs", join(own, "far"))).toBe("(x: Uint8Array) => Uint8Array");
      });

      test("says what is wrong where no signature is found, and goes on", async () => {
        const told = await types(...named, "--python", release.interpreter, "--path", folder, "--module", "not_there");
        expect(told.code).toBe(0);
        expect(told.stderr).toMatch(/^warning: not_there could not be imported: ModuleNotFoundError: .+\n$/);
        expect(told.stdout).toContain(
          "/** Signature unknown: not_there could not be imported: ModuleNotFoundError: No module named 'not_there'. */\n" +
            'export const tasks_add = app.remote<(...args: unknown[]) => unknown>("shop.tasks.add");\n',
        );
        const names = await types(...named, "--python", "none", "--json");
        expect(JSON.parse(names.stdout)).toContainEqual({
          name: "mail.send",
          constant: "send",
          module: "shop.tasks",
          workers: [`w${name}@typed`],
          queues: ["celery"],
          type: "(...args: unknown[]) => unknown",
          problem: "signatures were left out",
        });
      });

      test("says why Python could not read them", async () => {
        const missing = await types(...named, "--python", "no-such-python");
        expect(missing).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("PYTHON_FAILED") });
        expect(missing.stderr).toContain('"no-such-python" could not read the signatures: spawn no-such-python ENOENT');
        const own = join(folder, `fatal-${name}`);
        await mkdir(own);
        await writeFile(
          join(own, "fatal.py"),
          "import os, sys\nprint('no model', file=sys.stderr, flush=True)\nos._exit(7)\n",
        );
        const fatal = await types(...named, "--python", release.interpreter, "--path", own, "--module", "fatal");
        expect(fatal).toMatchObject({
          code: 1,
          stderr: expect.stringContaining("it ended with 7\nno model. Name another"),
        });
      });

      test("asks those who are named, and no others", async () => {
        const began = performance.now();
        const told = await types("--destination", `w${name}@typed`, "--timeout", "10m", "--python", "none");
        expect(told.code).toBe(0);
        expect(performance.now() - began).toBeLessThan(110_000); // everyone has answered, so there is nothing to wait for
        const nobody = await types("--destination", "w0@typed", "--timeout", "300ms");
        expect(nobody.code).toBe(1);
        expect(nobody.stderr).toContain("NO_REMOTE_TASKS: None of w0@typed answered within 300ms");
      });
    });
  }

  test("says what to check when nobody answers", async () => {
    const told = await types("--timeout", "300ms", "--json");
    expect(told.code).toBe(1);
    expect(JSON.parse(told.stderr)).toMatchObject({ error: { code: "NO_REMOTE_TASKS", details: { answered: [] } } });
  });

  test("writes over no file of another's", async () => {
    const own = join(folder, "own.ts");
    await writeFile(own, "export const mine = 1;\n");
    const told = await types("--out", own);
    expect(told).toMatchObject({ code: 2, stderr: expect.stringContaining("was not written by this command") });
    expect(await readFile(own, "utf8")).toBe("export const mine = 1;\n");
  });
});
