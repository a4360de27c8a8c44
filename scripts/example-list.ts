/** The examples: every folder of examples/ that is a package with a script `check`, which runs it in a short form and prints one JSON object. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./process.ts";

export interface Example {
  readonly name: string;
  /** The file that `check` runs, in the example's folder. */
  readonly script: string;
  readonly args: readonly string[];
  /** Names of what it is installed with, besides Celeriac. */
  readonly dependencies: readonly string[];
}

export function examples(): readonly Example[] {
  const folder = join(root, "examples");
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "package.json")))
    .map((name) => {
      const manifest = JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8")) as {
        readonly scripts?: { readonly check?: string };
        readonly dependencies?: Readonly<Record<string, string>>;
      };
      const [node, script, ...args] = manifest.scripts?.check?.split(" ") ?? [];
      if (node !== "node" || script === undefined)
        throw new Error(`examples/${name}/package.json needs a script "check": "node demo.ts --once --json"`);
      const dependencies = Object.keys(manifest.dependencies ?? {}).filter((each) => each !== "celeriac");
      return { name, script, args, dependencies };
    });
}
