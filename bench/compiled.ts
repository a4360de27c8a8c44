/**
 * The measured processes' own modules as JavaScript: Node's stripping of types costs the process that does it 12 MB and 30 ms, which are nobody's
 * that is measured. Celery's stay as they are: what is measured there is Python.
 */

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, tool } from "../scripts/process.ts";

const here: string = import.meta.dirname;
/** Under `bench`, so that they find the same packages. */
const out: string = join(here, "node_modules", ".actors");
export const compiledRole: string = join(out, "bench", "role.js");

export async function compileActors(): Promise<void> {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const settings = {
    extends: "../../../tsconfig.json",
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      declaration: false,
      allowImportingTsExtensions: false,
      rewriteRelativeImportExtensions: true,
      rootDir: "../../..",
      outDir: ".",
      paths: {},
    },
    files: ["../../role.ts"],
    include: ["../../system/*.ts"],
    exclude: [],
  };
  const file = join(out, "tsconfig.json");
  await writeFile(file, JSON.stringify(settings));
  // Packages begin with this folder: without it, what lies here would be CommonJS.
  await writeFile(join(out, "package.json"), '{ "type": "module" }\n');
  const ran = await run(process.execPath, [tool("tsc"), "-p", file], { output: "keep" });
  if (ran.code !== 0) throw new Error(`the measured processes could not be compiled:\n${ran.text}`);
}
