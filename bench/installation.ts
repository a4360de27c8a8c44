/**
 * Brings what the benchmarks need and `npm ci` of the root does not: the peers, and Celeriac as its users get it, built by
 * scripts/build.ts in a folder of its own, so that a build elsewhere in this checkout cannot change what is being measured.
 */

import { existsSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "../scripts/process.ts";
import { compileActors } from "./compiled.ts";

const here: string = import.meta.dirname;
const modules = join(here, "node_modules");
/** Where `import "celeriac"` leads from a file of this folder. */
export const celeriac: string = join(modules, "celeriac");

export async function installPeers(): Promise<void> {
  if (["bullmq", "amqplib"].every((peer) => existsSync(join(modules, peer, "package.json")))) return;
  process.stderr.write("installing the peers (once)…\n");
  // Not `npm ci`: it refuses a lockfile without the optional native parts that a registry lacks for some platforms.
  const ran = await run("npm", ["install", "--no-save", "--no-audit", "--no-fund"], { cwd: here, output: "keep" });
  if (ran.code !== 0) throw new Error(`npm install in bench/ failed:\n${ran.text}`);
}

/** Builds the present sources, and the measured processes. `keep`: uses the last build if there is one. */
export async function buildCeleriac(keep: boolean): Promise<void> {
  await compileActors();
  if (keep && existsSync(join(celeriac, "dist", "index.js"))) return;
  // Node runs no TypeScript under node_modules, so the build script works outside and its result moves in.
  const stage = await mkdtemp(join(tmpdir(), "celeriac-build-"));
  try {
    const needed = ["package.json", "tsconfig.json", "tsconfig.build.json", "scripts", "src"];
    for (const name of needed) await cp(join(root, name), join(stage, name), { recursive: true });
    await symlink(join(root, "node_modules"), join(stage, "node_modules"));
    const built = await run(process.execPath, [join(stage, "scripts", "build.ts"), "--quiet", "--no-ui"], {
      output: "keep",
    });
    if (built.code !== 0) throw new Error(`the build failed:\n${built.text}`);
    await rm(celeriac, { recursive: true, force: true });
    await mkdir(celeriac, { recursive: true });
    await writeFile(join(celeriac, "commit"), commitNow());
    for (const name of ["package.json", "dist"]) {
      await cp(join(stage, name), join(celeriac, name), { recursive: true });
    }
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** Of the sources that were built; `-dirty` with changes that are not committed. */
function commitNow(): string {
  try {
    return execFileSync("git", ["-C", root, "describe", "--always", "--dirty"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
