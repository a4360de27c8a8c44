/**
 * Stands for `next start`, for Next itself is not installed here: finds the route files of `next/app` by Next's names, calls the handler of the
 * request's method with a web-standard request, and begins with `instrumentation.ts`. Of Next's rules it knows those that these files need.
 */

import type { EventEmitter } from "node:events";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { serve } from "@hono/node-server";
import { register } from "./next/instrumentation.ts";
import { responses } from "./next/lib/after.ts";
import { announce, port } from "./settings.ts";

type Handler = (request: Request, context: { readonly params: Promise<object> }) => Promise<Response>;

interface Route {
  readonly path: RegExp;
  readonly handlers: Readonly<Record<string, Handler | undefined>>;
}

const folder = join(import.meta.dirname, "next", "app");
const files = (await readdir(folder, { recursive: true })).filter((file) => basename(file) === "route.ts");
const routes = await Promise.all(
  files.map(async (file): Promise<Route> => {
    const handlers = (await import(pathToFileURL(join(folder, file)).href)) as Route["handlers"];
    return { path: new RegExp(`^${dirname(file).split(sep).map(pattern).join("")}$`), handlers };
  }),
);

/** One folder's part of a path. */
function pattern(name: string): string {
  if (name.startsWith("[[...")) return "(?:/.+)?";
  if (name.startsWith("[...")) return "/.+";
  return `/${name}`;
}

async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const route = routes.find(({ path }) => path.test(pathname.replace(/(?<=.)\/$/, "")));
  if (route === undefined) return new Response(null, { status: 404 });
  const handle = route.handlers[request.method];
  return handle === undefined ? new Response(null, { status: 405 }) : handle(request, { params: Promise.resolve({}) });
}

await register();
serve(
  {
    fetch: (request, { outgoing }) => responses.run(outgoing as EventEmitter, () => answer(request)),
    hostname: "127.0.0.1",
    port,
  },
  (address) => announce(`http://127.0.0.1:${String(address.port)}`),
);
