/**
 * The dashboard's web app, built by vite into `dist/dashboard/ui`. What was built is kept under the hash of everything it is built from, so that
 * only a change of it costs the seconds that vite takes.
 */

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { type Ran, root, run, tool } from "./process.ts";

const source = join(root, "dashboard-ui");
const cache = join(root, "node_modules", ".cache", "celeriac", "ui");

/** Code 0: it lies in `target`. */
export async function buildUi(target: string): Promise<Ran> {
  const built = join(cache, await hashOfInputs());
  if (!(await exists(built))) {
    const fresh = `${built}-${String(process.pid)}`;
    const ran = await run(tool("vite"), ["build", "--outDir", fresh, "--emptyOutDir", "--logLevel", "warn"], {
      cwd: source,
      // Also where a test runner has said otherwise: what is kept is what users get.
      env: { NODE_ENV: "production" },
      output: "keep",
    });
    if (ran.code !== 0) return ran;
    const old = (await readdir(cache)).filter((name) => join(cache, name) !== fresh);
    // Two builds at once make the same: the first that is done wins.
    await rename(fresh, built).catch(() => rm(fresh, { recursive: true, force: true }));
    for (const name of old) if (!name.includes("-")) await rm(join(cache, name), { recursive: true, force: true });
  }
  await rm(target, { recursive: true, force: true });
  await cp(built, target, { recursive: true });
  return { code: 0, text: "" };
}

/** Of the sources, the settings, and the versions of what they are built with. */
async function hashOfInputs(): Promise<string> {
  const hash = createHash("sha256").update("production\0");
  const files = (await readdir(source, { recursive: true, withFileTypes: true }))
    .filter(
      (entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name) && !entry.parentPath.includes("node_modules"),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  for (const file of [...files, join(root, "package-lock.json")]) {
    hash.update(relative(root, file)).update("\0");
    hash.update(await readFile(file)).update("\0");
  }
  await mkdir(cache, { recursive: true });
  return hash.digest("hex").slice(0, 24);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
