/**
 * The package as its users get it: built, packed, judged by publint and attw, then installed from the tarball into an empty
 * project that has none of the optional peers, type-checked there with `skipLibCheck: false`, and run: a queue in a file, a
 * worker with child processes, the command line.
 */

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run, tool, type Ran } from "./process.ts";

const keep = { output: "keep" } as const;

/** Stops at the first step that fails; its output is the answer. */
export async function checkPackage(): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-package-"));
  try {
    const built = await run(process.execPath, ["scripts/build.ts", "--quiet"], keep);
    if (built.code !== 0) return built;
    const packed = await run("npm", ["pack", "--pack-destination", folder], keep);
    if (packed.code !== 0) return packed;
    const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
    if (tarball === undefined) return { code: 1, text: `npm pack left no tarball:\n${packed.text}` };
    const path = join(folder, tarball);
    for (const [program, ...args] of [
      [tool("publint"), "run", path, "--strict"],
      [tool("attw"), path, "--profile", "esm-only", "--no-color"],
    ] as const) {
      const ran = await run(program, args, keep);
      if (ran.code !== 0) return ran;
    }
    return await checkConsumer(join(folder, "consumer"), path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkConsumer(folder: string, tarball: string): Promise<Ran> {
  await mkdir(folder);
  for (const [name, text] of Object.entries(consumerFiles(tarball))) await writeFile(join(folder, name), text);
  const cli = join(folder, "node_modules", ".bin", "celeriac");
  const url = `sqlite:${join(folder, "queue.db")}`;
  const env = { CELERIAC_BROKER: url };
  for (const [program, ...args] of [
    ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--omit=peer"],
    [tool("tsc"), "-p", "."],
    [process.execPath, "main.ts"],
    [process.execPath, "no-peers.ts"],
    [cli, "--help"],
    [cli, "queues", "--broker", url, "--json"],
  ] as const) {
    const ran = await run(program, args, { cwd: folder, env, output: "keep" });
    if (ran.code !== 0)
      return { code: ran.code, text: `in an empty project: ${program} ${args.join(" ")}\n${ran.text}` };
  }
  return { code: 0, text: "" };
}

/** The types come from this checkout's own lockfile, so that the consumer needs the registry for run-time dependencies only. */
function consumerFiles(tarball: string): Record<string, string> {
  return {
    "package.json": JSON.stringify({
      name: "consumer",
      private: true,
      type: "module",
      dependencies: { celeriac: `file:${tarball}` },
    }),
    "tsconfig.json": JSON.stringify({
      compilerOptions: {
        target: "es2024",
        lib: ["es2024", "esnext.disposable"],
        module: "nodenext",
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        allowImportingTsExtensions: true,
        erasableSyntaxOnly: true,
        verbatimModuleSyntax: true,
        types: ["node"],
        typeRoots: [join(root, "node_modules", "@types")],
      },
      include: ["*.ts"],
    }),
    "app.ts": `import { createApp } from "celeriac";
export const app = createApp({
  name: "consumer",
  broker: process.env["CELERIAC_BROKER"] ?? "sqlite:queue.db",
  tasks: () => [import("./tasks.ts")],
});
`,
    "tasks.ts": `import { app } from "./app.ts";
export const double = app.task("number.double", async (input: { n: number }) => ({ twice: input.n * 2, pid: process.pid }));
`,
    "main.ts": `import { app } from "./app.ts";
import { double } from "./tasks.ts";
for (const pool of ["process", "thread", "inline"] as const) {
  await using worker = await app.work({ pool, concurrency: 2, processes: 1, log: "silent" });
  const sent = await double.delay({ n: 21 });
  const result: { twice: number; pid: number } = await sent.get({ timeout: "100s" });
  if (result.twice !== 42) throw new Error(\`\${pool}: \${JSON.stringify(result)}\`);
  if ((result.pid === process.pid) === (pool === "process")) throw new Error(\`\${pool} ran in the wrong process\`);
  await worker.stop();
}
await app.close();
`,
    // A peer that is not installed is named, with the line that installs it; importing the package does not need it.
    "no-peers.ts": `import { CeleriacError, createApp } from "celeriac";
const app = createApp({ name: "no-peers", broker: "redis://127.0.0.1:1/0" });
const task = app.task("nothing", () => null);
const error = await task.delay().then(() => undefined, (reason: unknown) => reason);
if (!(error instanceof CeleriacError) || error.code !== "CLIENT_MISSING") throw new Error("expected CLIENT_MISSING", { cause: error });
await app.close();
// By a name that the compiler does not follow: its types are the peer's.
const nest = await import(["celeriac", "nest"].join("/")).then(() => undefined, (reason: unknown) => reason);
if (!(nest instanceof CeleriacError) || nest.code !== "CLIENT_MISSING") throw new Error("expected CLIENT_MISSING of celeriac/nest", { cause: nest });
`,
  };
}
