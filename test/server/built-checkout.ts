/** A checkout of its own with its own `dist/`, for examples as their users run them: a build in the shared one would pull the files from under others. */

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root, run, tool } from "../../scripts/process.ts";
import { buildUi } from "../../scripts/ui.ts";

const execute = promisify(execFile);

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What it left in its temporary directory. */
  readonly leftovers: readonly string[];
}

export class BuiltCheckout {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** `ui`: with the dashboard's web app. */
  static async make({ ui = false }: { readonly ui?: boolean } = {}): Promise<BuiltCheckout> {
    const copy = await mkdtemp(join(tmpdir(), "celeriac-demo-"));
    const steps = [run(tool("tsc"), ["-p", "tsconfig.build.json", "--outDir", join(copy, "dist")], { output: "keep" })];
    if (ui) steps.push(buildUi(join(copy, "dist", "dashboard", "ui")));
    for (const { code, text } of await Promise.all(steps)) {
      if (code === 0) continue;
      await rm(copy, { recursive: true });
      throw new Error(`the package cannot be built:\n${text}`);
    }
    await cp(join(root, "src"), join(copy, "dist"), {
      recursive: true,
      filter: (path) => !path.endsWith(".ts") && !path.includes("fixtures"),
    });
    await cp(join(root, "package.json"), join(copy, "package.json"));
    await cp(join(root, "examples"), join(copy, "examples"), { recursive: true });
    await symlink(join(root, "node_modules"), join(copy, "node_modules"));
    await mkdir(join(copy, "examples/node_modules"));
    await symlink(copy, join(copy, "examples/node_modules/celeriac"));
    return new BuiltCheckout(copy);
  }

  /** As its users have it: without the cache of the suites, which would also keep a copy of each checkout for ever. */
  get environment(): NodeJS.ProcessEnv {
    const { NODE_COMPILE_CACHE: _cache, ...environment } = process.env;
    return environment;
  }

  /** Runs one of its scripts to its end, at most four minutes. */
  async run(script: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Run> {
    const temporary = await mkdtemp(join(this.folder, "tmp-"));
    const env = { ...this.environment, ...environment, TMPDIR: temporary };
    const ended = await execute(process.execPath, [join(this.folder, script), ...args], { env, timeout: 240_000 }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { readonly code: unknown; readonly stdout: string; readonly stderr: string }) => ({
        code: typeof error.code === "number" ? error.code : -1,
        stdout: error.stdout,
        stderr: error.stderr,
      }),
    );
    const leftovers = (await readdir(temporary)).filter((name) => name.startsWith("celeriac"));
    return { ...ended, leftovers };
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
