/**
 * From `-A ./app.ts` to the app: the file is imported as it is, TypeScript included, and its export `app`, its default, or its
 * only app is taken. `-A ./app.ts#shop` names another export. Throws APP_NOT_FOUND and APP_LOAD_FAILED.
 */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type App, isApp } from "../app/app.ts";
import { CeleriacError } from "../error/celeriac-error.ts";

export async function loadAppFile(reference: string): Promise<App> {
  const [file = "", wanted] = reference.split("#", 2);
  const path = resolve(file);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw notFound(
      `there is no file ${path}`,
      "-A takes the path of the module that exports the app, such as ./app.ts",
      path,
    );
  }
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    // What the app itself refuses (a broker URL, a duplicate name) has a code of its own that says more.
    if (error instanceof CeleriacError) throw error;
    throw loadFailed(path, error);
  }
  return chooseApp(module, wanted, path);
}

function chooseApp(module: Readonly<Record<string, unknown>>, wanted: string | undefined, path: string): App {
  if (wanted !== undefined) {
    const named = module[wanted];
    if (isApp(named)) return named;
    throw notFound(`${path} exports no app named "${wanted}"`, `write: export const ${wanted} = createApp({…})`, path);
  }
  if (isApp(module["app"])) return module["app"];
  if (isApp(module["default"])) return module["default"];
  const apps = Object.entries(module).filter((entry): entry is [string, App] => isApp(entry[1]));
  const [only, second] = apps;
  if (only === undefined) throw notFound(`${path} exports no app`, "write: export const app = createApp({…})", path);
  if (second !== undefined) {
    const names = apps.map(([name]) => name).join(", ");
    throw notFound(`${path} exports several apps (${names})`, `name one: -A ${path}#${second[0]}`, path);
  }
  return only[1];
}

function notFound(what: string, remedy: string, path: string): CeleriacError {
  return new CeleriacError("APP_NOT_FOUND", `${what}; ${remedy}`, { details: { path } });
}

function loadFailed(path: string, cause: unknown): CeleriacError {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const code = (error as NodeJS.ErrnoException).code;
  const place = error.stack
    ?.split("\n")
    .find((line) => line.includes("file://"))
    ?.trim();
  const remedy =
    code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX"
      ? "Node strips types but transforms nothing: replace enum, namespace and parameter properties, or build first and name the built file"
      : code === "ERR_MODULE_NOT_FOUND"
        ? "install what is missing; imports of your own files need their extension, such as ./tasks.ts"
        : `run "node ${path}" to see it alone`;
  return new CeleriacError(
    "APP_LOAD_FAILED",
    `${path} threw while it was imported: ${error.name}: ${error.message}${place === undefined ? "" : ` (${place})`}; ${remedy}`,
    { cause, details: { path } },
  );
}
