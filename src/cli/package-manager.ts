/** Which package manager somebody uses, and how its commands are written. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

export interface PackageManager {
  readonly name: "npm" | "pnpm" | "yarn" | "bun";
  readonly install: string;
  /** Before the name of a script. */
  readonly run: string;
  /** Before the name of an installed program. */
  readonly execute: string;
}

const managers: Readonly<Record<PackageManager["name"], PackageManager>> = {
  npm: { name: "npm", install: "npm install", run: "npm run", execute: "npx" },
  pnpm: { name: "pnpm", install: "pnpm install", run: "pnpm run", execute: "pnpm exec" },
  yarn: { name: "yarn", install: "yarn install", run: "yarn run", execute: "yarn" },
  bun: { name: "bun", install: "bun install", run: "bun run", execute: "bunx" },
};
const lockFiles: Readonly<Record<string, PackageManager["name"]>> = {
  "package-lock.json": "npm",
  "pnpm-lock.yaml": "pnpm",
  "yarn.lock": "yarn",
  "bun.lock": "bun",
  "bun.lockb": "bun",
};

/** By the nearest lock file from `folder` upwards, or else by what started this process (`npm_config_user_agent`), or else npm. */
export function packageManagerOf(
  folder: string,
  agent: string = process.env["npm_config_user_agent"] ?? "",
): PackageManager {
  for (let at = folder; ; at = dirname(at)) {
    for (const [file, name] of Object.entries(lockFiles)) if (existsSync(join(at, file))) return managers[name];
    if (dirname(at) === at) break;
  }
  const [, name = ""] = /^(npm|pnpm|yarn|bun)\//.exec(agent) ?? [];
  return managers[name as PackageManager["name"]] ?? managers.npm;
}
