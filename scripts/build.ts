/**
 * Builds `dist/` from nothing: the compiler writes JavaScript and declarations, everything else that the sources need at
 * run time (SQL, Lua) is copied beside it, and so is the dashboard's web app. `--quiet` prints errors only, `--no-ui` leaves the web app out.
 */

import { chmod, cp, mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root, run, tool } from "./process.ts";
import { buildUi } from "./ui.ts";

const quiet = process.argv.includes("--quiet");
const source = join(root, "src");
const target = join(root, "dist");
const started = performance.now();

await rm(target, { recursive: true, force: true });
const steps = [run(tool("tsc"), ["-p", "tsconfig.build.json"], { output: "keep" })];
if (!process.argv.includes("--no-ui")) steps.push(buildUi(join(target, "dashboard", "ui")));
for (const { code, text } of await Promise.all(steps)) {
  if (code === 0) continue;
  process.stderr.write(text);
  process.exit(1);
}
for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || entry.name.endsWith(".ts")) continue;
  const from = join(entry.parentPath, entry.name);
  if (from.includes(join("/", "fixtures", "/"))) continue;
  const to = join(target, from.slice(source.length));
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to);
}
await chmod(join(target, "cli", "main.js"), 0o755);
if (!quiet) process.stdout.write(`built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
