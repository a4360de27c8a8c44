/**
 * Builds the project in `next/` with `next build`, in a folder that has Celeriac as npm installs it. Here it is linked into node_modules, as packages
 * of a workspace are, and what is linked is for Next's bundler no package but more of the project.
 */

import { execFile } from "node:child_process";
import { cp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The command `next`. */
export const next: URL = new URL("dist/bin/next", import.meta.resolve("next/package.json"));

const quiet = { NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1" };

/** The stage's, which Next takes before the project's own: what is linked may come from anywhere, and nothing outside of this folder is compiled. */
const config = `import config from "./next.config.ts";
export default { ...config, turbopack: { root: "/" } };
`;

/** Resolves with the folder to start. */
export async function buildNext(signal: AbortSignal): Promise<string> {
  const stage = join(import.meta.dirname, "dist", "with-next");
  const project = join(stage, "next");
  await rm(stage, { recursive: true, force: true });
  for (const part of ["app.ts", "orders.ts", "settings.ts", "tasks.ts", "next"])
    await cp(join(import.meta.dirname, part), join(stage, part), { recursive: true });
  const celeriac = new URL(".", import.meta.resolve("celeriac/package.json"));
  for (const part of ["package.json", "dist"])
    await cp(new URL(part, celeriac), join(stage, "node_modules", "celeriac", part), { recursive: true });
  await writeFile(join(project, "next.config.mjs"), config);
  const building = promisify(execFile)(process.execPath, [fileURLToPath(next), "build", project], {
    signal,
    env: { ...process.env, ...quiet },
  });
  await building.catch((error: unknown) => {
    const { stdout = "", stderr = "" } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`next/ cannot be built:\n${stdout}${stderr}`.trim(), { cause: error });
  });
  return project;
}
