/** Loads the app in the far side of a pool. Every way in which that fails is told with what to do about it. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { freeze, type FrozenApp } from "../task/registry.ts";

/** Rejects with APP_LOAD_FAILED (the module throws, or can't be read) or APP_NOT_FOUND (it has no such export). */
export async function loadApp(url: string, name: string): Promise<FrozenApp> {
  let module: Record<string, unknown>;
  try {
    module = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    throw loadFailed(url, error);
  }
  const app = module[name];
  if (!isApp(app)) {
    const exports = Object.keys(module).join(", ") || "nothing";
    throw new CeleriacError(
      "APP_NOT_FOUND",
      `"${name}" of ${url} is not a Celeriac app; the module exports ${exports}. Export what createApp returns, and name that export.`,
      { details: { url, export: name } },
    );
  }
  try {
    return await app[freeze]();
  } catch (error) {
    if (error instanceof CeleriacError) throw error;
    throw loadFailed(url, error);
  }
}

interface Freezable {
  readonly [freeze]: () => Promise<FrozenApp>;
}

function isApp(value: unknown): value is Freezable {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return typeof (value as Partial<Freezable>)[freeze] === "function";
}

const remedies: Readonly<Record<string, string>> = {
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX:
    "It uses TypeScript syntax that Node cannot strip (enum, namespace, parameter properties). Set erasableSyntaxOnly in tsconfig.json and replace it, or compile the app and name the .js file.",
  ERR_INVALID_TYPESCRIPT_SYNTAX: "It is not valid TypeScript. Run tsc to see where.",
  ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING:
    "Node does not run .ts files from node_modules. Publish that package compiled, or link it as a workspace.",
  ERR_UNKNOWN_FILE_EXTENSION:
    "Node cannot run files with this extension (.tsx among them). Compile the app and name the .js file.",
  ERR_MODULE_NOT_FOUND:
    "An import is not there. Relative imports need their file extension; packages need to be installed.",
  ERR_REQUIRE_ASYNC_MODULE: "A CommonJS module requires an ES module that awaits at its top level. Import it instead.",
};

function loadFailed(url: string, cause: unknown): CeleriacError {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const code = (error as { code?: unknown }).code;
  const remedy =
    (typeof code === "string" ? remedies[code] : undefined) ??
    "Workers and their children import the app; run `node` on that file to see the error by itself.";
  const failure = new CeleriacError(
    "APP_LOAD_FAILED",
    `${url} could not be loaded: ${error.name}: ${error.message}. ${remedy}`,
    {
      cause: error,
      details: { url },
    },
  );
  // The stack that helps is the app's own, not ours.
  failure.stack = error.stack ?? failure.stack ?? "";
  return failure;
}
