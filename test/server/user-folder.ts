/** A folder as a user has it: `celeriac` is installed there, and is these sources. */

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root, run } from "../../scripts/process.ts";

interface Exported {
  readonly default: string;
}

export class UserFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** `packages`: installed beside it. */
  static async make(packages: readonly string[] = []): Promise<UserFolder> {
    const path = await mkdtemp(join(tmpdir(), "celeriac-user-"));
    const installed = join(path, "node_modules");
    await mkdir(join(installed, "celeriac"), { recursive: true });
    // Through the link they are no files below node_modules, whose types Node would not strip.
    await symlink(join(root, "src"), join(installed, "celeriac/src"));
    for (const name of packages) {
      await mkdir(dirname(join(installed, name)), { recursive: true });
      await symlink(join(root, "node_modules", name), join(installed, name));
    }
    const manifest = (await import(join(root, "package.json"), { with: { type: "json" } })) as {
      readonly default: { readonly exports: Readonly<Record<string, Exported | string>> };
    };
    const exported = Object.entries(manifest.default.exports).flatMap(([name, target]) =>
      typeof target === "string"
        ? []
        : [[name, target.default.replace("./dist/", "./src/").replace(/\.js$/, ".ts")] as const],
    );
    await writeFile(
      join(installed, "celeriac/package.json"),
      JSON.stringify({ name: "celeriac", version: "0.0.0", type: "module", exports: Object.fromEntries(exported) }),
    );
    await writeFile(join(path, "package.json"), JSON.stringify({ private: true, type: "module" }));
    return new UserFolder(path);
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.path, name), text);
  }

  run(command: string, args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
    return run(command, args, { cwd: this.path, output: "keep" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
