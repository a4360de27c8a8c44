/**
 * `npm run examples [-- --only NAME]`: every example as a new user has it. The package is packed, and each example is copied into an empty folder of
 * its own with the package from the tarball and what its package.json names, nothing else; there it is type-checked and run in its short form.
 * What it needs besides (ffmpeg, Python, a Redis) may be missing: that is skipped and said, and fails with CELERIAC_REQUIRE=all. The last line is
 * `N passed, N failed, N skipped`.
 */

import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { type Example, examples } from "./example-list.ts";
import { root, run, tool } from "./process.ts";

interface Result {
  readonly verdict: "ok" | "FAILED" | "SKIPPED";
  /** Why, or the figures that it gave. */
  readonly said: string;
  readonly seconds: number;
}

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
const chosen = examples().filter(({ name }) => name.includes(values.only));
const say = (text: string): void => void process.stdout.write(`${text}\n`);
if (chosen.length === 0) {
  say(
    `there is no example like "${values.only}"; there are ${examples()
      .map(({ name }) => name)
      .join(", ")}`,
  );
  process.exit(2);
}
/** What a careful user has. */
const tsconfig = {
  compilerOptions: {
    target: "es2024",
    lib: ["es2024", "esnext.disposable", "esnext.array", "esnext.collection"],
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    // Nest's.
    experimentalDecorators: true,
    verbatimModuleSyntax: true,
    types: ["node"],
    typeRoots: [join(root, "node_modules", "@types")],
  },
  include: ["examples"],
  // Next checks its project itself when it builds it, with settings of its own: its types change those of Node.
  exclude: ["examples/frameworks/next"],
};
/** A demo of seconds that takes so long hangs, ms. */
const patience = 400_000;
const folder = await mkdtemp(join(tmpdir(), "celeriac-examples-"));
const results: Result[] = [];
try {
  const packed = await run("npm", ["pack", "--pack-destination", folder], { output: "keep" });
  const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (packed.code !== 0 || tarball === undefined) throw new Error(`npm pack failed:\n${packed.text}`);
  for (const example of chosen) {
    const result = await tried(example, join(folder, tarball));
    results.push(result);
    const detail =
      result.verdict === "FAILED" ? `\n${result.said.replace(/^/gm, "        ")}` : `\n        ${result.said}`;
    say(`${result.verdict.padEnd(7)} ${example.name.padEnd(24)} ${result.seconds.toFixed(1).padStart(5)} s${detail}`);
  }
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
const count = (verdict: Result["verdict"]): number => results.filter((each) => each.verdict === verdict).length;
say(`\n${String(count("ok"))} passed, ${String(count("FAILED"))} failed, ${String(count("SKIPPED"))} skipped`);
process.exitCode = count("FAILED") === 0 ? 0 : 1;

async function tried(example: Example, tarball: string): Promise<Result> {
  const began = performance.now();
  const project = join(folder, example.name);
  const { verdict, said } = await install(example, project, tarball).then(
    () => check(example, project),
    (error: unknown) => ({ verdict: "FAILED" as const, said: String(error) }),
  );
  await rm(project, { recursive: true, force: true, maxRetries: 3 });
  const required = verdict === "SKIPPED" && process.env["CELERIAC_REQUIRE"] === "all";
  return { verdict: required ? "FAILED" : verdict, said, seconds: (performance.now() - began) / 1000 };
}

/** Without a registry: the tarball is unpacked, and the rest is linked from what `npm ci` brought here. */
async function install({ name, dependencies }: Example, project: string, tarball: string): Promise<void> {
  // Nothing that an earlier run has built.
  const filter = (path: string): boolean => basename(path) !== "dist";
  for (const part of [name, "harness"])
    await cp(join(root, "examples", part), join(project, "examples", part), { recursive: true, filter });
  const modules = join(project, "node_modules");
  await mkdir(join(modules, "celeriac"), { recursive: true });
  const unpacked = await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", join(modules, "celeriac")], {
    output: "keep",
  });
  if (unpacked.code !== 0) throw new Error(`tar failed:\n${unpacked.text}`);
  // commander is Celeriac's one dependency.
  for (const each of new Set(["commander", ...dependencies])) {
    await mkdir(dirname(join(modules, each)), { recursive: true });
    await symlink(join(root, "node_modules", each), join(modules, each));
  }
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await writeFile(join(project, "tsconfig.json"), JSON.stringify(tsconfig));
}

async function check({ name, script, args }: Example, project: string): Promise<Pick<Result, "verdict" | "said">> {
  const compiled = await run(tool("tsc"), ["-p", "."], { cwd: project, output: "keep" });
  if (compiled.code !== 0) return { verdict: "FAILED", said: compiled.text.trim() };
  const { code, out, errors } = await runCheck(join(project, "examples", name), [script, ...args]);
  if (code === 77) return { verdict: "SKIPPED", said: errors.trim() };
  const last = out.trimEnd().split("\n").at(-1) ?? "";
  if (code !== 0) return { verdict: "FAILED", said: `exit code ${String(code)}\n${errors}${out}`.trim() };
  return isFine(last) ? { verdict: "ok", said: last } : { verdict: "FAILED", said: `no summary:\n${out}` };
}

function isFine(text: string): boolean {
  try {
    return (JSON.parse(text) as { readonly ok?: unknown }).ok === true;
  } catch {
    return false;
  }
}

function runCheck(
  cwd: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly errors: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; out: string; errors: string }>();
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: patience });
  let out = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  child.on("close", (code, signal) => resolve({ code: code ?? (signal === null ? 1 : 137), out, errors }));
  return promise;
}
