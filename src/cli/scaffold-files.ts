/** The files of a new project. They lie in `template/`, as texts, for these are no modules of this package. */

import { readFileSync } from "node:fs";

const names = ["app.ts", "tasks.ts", "worker.ts", "tasks.test.ts", "compose.yaml"] as const;

/** By name; `name`: of the app. A test runs what they make. */
export function scaffoldFiles(name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.map((file) => {
      const text = readFileSync(new URL(`./template/${file}.txt`, import.meta.url), "utf8");
      return [file, text.replace("@name@", () => JSON.stringify(name))];
    }),
  );
}

/** For a folder that has no manifest yet. */
export function manifest(name: string, version: string): string {
  const value = {
    name,
    private: true,
    type: "module",
    scripts: { dev: "celeriac dev -A ./app.ts", worker: "node worker.ts", test: "node --test" },
    dependencies: { celeriac: `^${version}`, ioredis: "^6.0.0" },
    engines: { node: ">=22.18" },
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
