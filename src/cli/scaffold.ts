/** Writes a new project: all of its files or none, and over nothing that is there. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { CeleriacError } from "../error/celeriac-error.ts";
import { exitCode } from "./failure.ts";
import { type PackageManager, packageManagerOf } from "./package-manager.ts";
import { manifest, scaffoldFiles } from "./scaffold-files.ts";
import { paint, printJson, printLine } from "./terminal.ts";

export interface InitFlags {
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Throws FILES_EXIST, naming them, unless it may write over them; a manifest that is there is left alone in any case. */
export function runInit(folder: string, { force, json }: InitFlags): number {
  const path = resolve(folder);
  const name = packageName(basename(path));
  const files = scaffoldFiles(name);
  const there = Object.keys(files).filter((file) => existsSync(join(path, file)));
  if (there.length > 0 && force !== true) {
    throw new CeleriacError(
      "FILES_EXIST",
      `${path} has ${there.join(", ")} already, and nothing was written. Name another folder, or write over ${there.length === 1 ? "it" : "them"} with --force.`,
      { details: { path, files: there } },
    );
  }
  const hasManifest = existsSync(join(path, "package.json"));
  const written = { ...files, ...(!hasManifest && { "package.json": manifest(name, ownVersion()) }) };
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(written)) writeFileSync(join(path, file), text);
  const manager = packageManagerOf(path);
  const next = nextSteps(manager, relative(process.cwd(), path), hasManifest);
  if (json === true) printJson({ folder: path, files: Object.keys(written), packageManager: manager.name, next });
  else {
    for (const file of Object.keys(written)) printLine(`${paint("green", "wrote")} ${join(folder, file)}`);
    printLine(`\nNext:`);
    for (const step of next) printLine(`  ${step}`);
  }
  return exitCode.done;
}

function nextSteps(manager: PackageManager, away: string, hasManifest: boolean): readonly string[] {
  const enter = away === "" ? [] : [`cd ${away}`];
  if (!hasManifest) return [...enter, manager.install, `${manager.run} dev`, `${manager.run} test`];
  const add = manager.name === "npm" ? "npm install" : `${manager.name} add`;
  return [...enter, `${add} celeriac ioredis`, `${manager.execute} celeriac dev -A ./app.ts`, "node --test"];
}

/** As the registry takes it. */
function packageName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name === "" ? "app" : name;
}

function ownVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
