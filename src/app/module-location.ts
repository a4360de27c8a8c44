/**
 * Where a pool child finds an app: the module that called `createApp`, and the export that holds it. Verified by importing it, so a
 * worker refuses to start here, with a remedy, and not its children one by one.
 */

import { pathToFileURL } from "node:url";
import util from "node:util";
import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";

export interface ModuleLocation {
  readonly url: string;
  readonly export: string;
}

/** A place in a source file. */
export interface CallSite {
  readonly url: string;
  /** Tells two apps of one module apart. */
  readonly position: string;
}

/** Longest wait for the import: it never ends when the module's own top level awaits the worker that asks. */
const importPatience = 10_000;

/** Who called `createApp`; `undefined` where stacks do not say (an evaluated string, a bundler's runtime). */
export function callSiteOf(depth: number): CallSite | undefined {
  const site = util.getCallSites(depth + 1)[depth];
  const script = site?.scriptName ?? "";
  if (site === undefined) return undefined;
  const url = script.startsWith("file:")
    ? script
    : script.startsWith("/") || /^[A-Za-z]:[\\/]/.test(script)
      ? pathToFileURL(script).href
      : undefined;
  // Query strings are kept: a module imported with one is another module.
  return url === undefined ? undefined : { url, position: `${url}:${site.lineNumber}:${site.columnNumber}` };
}

/** What an app tells about itself to the search. */
export interface Locatable {
  readonly app: object;
  readonly name: string;
  readonly site: CallSite | undefined;
  /** What the user named as `module`. */
  readonly named: string | undefined;
  /** The name and place of birth of any app, of this copy of the package or another. */
  readonly identify: (value: unknown) => { readonly name: string; readonly site: CallSite | undefined } | undefined;
}

/** Rejects with APP_NOT_FOUND and the remedy. */
export async function locateModule(subject: Locatable, clock: Clock): Promise<ModuleLocation> {
  const url = subject.named === undefined ? subject.site?.url : urlOf(subject.named);
  if (url === undefined) throw notFound(subject, "the place where createApp was called is not known");
  const module = await load(url, subject, clock);
  const exports = Object.entries(module);
  const same = exports.find(([, value]) => value === subject.app);
  if (same !== undefined) return { url, export: same[0] };
  // A second instance of the module (a test runner's, a bundler's) holds another object for the same app.
  const twin = exports.find(([, value]) => {
    const other = subject.identify(value);
    return (
      other?.name === subject.name && (subject.named !== undefined || other.site?.position === subject.site?.position)
    );
  });
  if (twin !== undefined) return { url, export: twin[0] };
  const names =
    exports
      .map(([name]) => name)
      .toSorted()
      .join(", ") || "nothing";
  throw notFound(subject, `${url} does not export it (it exports ${names})`);
}

async function load(url: string, subject: Locatable, clock: Clock): Promise<Readonly<Record<string, unknown>>> {
  const done = new AbortController();
  const late = clock.sleep(importPatience, done.signal).then(() => {
    throw notFound(subject, `${url} has not finished loading; its top level seems to wait for this very worker`);
  });
  late.catch(() => {});
  try {
    return (await Promise.race([import(url), late])) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (error instanceof CeleriacError) throw error;
    throw notFound(
      subject,
      `${url} cannot be imported: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  } finally {
    done.abort();
  }
}

function urlOf(named: string): string {
  return /^[a-z]+:/i.test(named) && !/^[A-Za-z]:[\\/]/.test(named) ? named : pathToFileURL(named).href;
}

function notFound(subject: Locatable, why: string, cause?: unknown): CeleriacError {
  return new CeleriacError(
    "APP_NOT_FOUND",
    `Children of the pool cannot find the app "${subject.name}": ${why}. Create it in a module of its own that exports it, ` +
      'name that module with createApp({ module: import.meta.url }), or work with pool: "inline".',
    { details: { app: subject.name }, ...(cause !== undefined && { cause }) },
  );
}
