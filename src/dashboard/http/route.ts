/** Routes as data: what is asked for, who may, and what answers. The table is the router, the document of the API and the subject of its tests. */

import type { Role } from "../contract.ts";
import type { Viewer } from "../access/viewer.ts";
import type { Inside } from "../inside.ts";
import { badRequest } from "./failure.ts";
import type { Query } from "./query.ts";

/** One request on its way, after everything that could refuse it. */
export interface Visit {
  readonly request: Request;
  readonly inside: Inside;
  readonly viewer: Viewer;
  /** Decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** Address of the client, where the server, or a trusted proxy, tells it. */
  readonly address: string | undefined;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** What a field of the query means. `each`: it may be repeated. */
export type QueryField = string | { readonly each: string };

export interface Route {
  readonly method: "GET" | "POST";
  /** Below the prefix, with `:name` for one segment. */
  readonly path: string;
  /** "open": without a login. */
  readonly role: Role | "open";
  readonly summary: string;
  /** What may stand in the query, with its meaning. */
  readonly query?: Readonly<Record<string, QueryField>>;
  /** Of the contract, by name; absent: what is said in `produces`. */
  readonly answer?: string;
  readonly body?: string;
  readonly produces?: string;
  /** "flower": programs that know Flower use it, so a POST may be a form, and needs no token from what is no browser. */
  readonly dialect?: "flower";
  /** For these requests alone; others go on to the next route of the path. */
  readonly only?: (request: Request) => boolean;
  /** Longest time for an answer, ms. Default 5 s. */
  readonly patience?: number;
  /** A value becomes JSON. */
  readonly handle: (visit: Visit) => Response | object | Promise<Response | object>;
}

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

const longestSegment = 2_000;

/** Decides by segments, so no encoding of a slash or dot reaches another route. The first that fits is taken. */
export class Router {
  readonly routes: readonly Route[];
  readonly #patterns: readonly (readonly string[])[];

  constructor(routes: readonly Route[]) {
    this.routes = routes;
    this.#patterns = routes.map(({ path }) => path.split("/"));
  }

  /** "wrong-method": the path is known, and the method is not. Throws for what cannot be decoded. */
  match(request: Request, path: string): Match | "wrong-method" | undefined {
    const { method } = request;
    const segments = path.split("/");
    let known = false;
    for (const [index, pattern] of this.#patterns.entries()) {
      const route = this.routes[index];
      if (route === undefined || pattern.length !== segments.length) continue;
      if (!pattern.every((part, at) => (part.startsWith(":") ? segments[at] !== "" : part === segments[at]))) continue;
      known = true;
      if (route.method !== method && !(route.method === "GET" && method === "HEAD")) continue;
      if (route.only?.(request) === false) continue;
      const params: Record<string, string> = {};
      for (const [at, part] of pattern.entries()) {
        if (part.startsWith(":")) params[part.slice(1)] = decoded(segments[at] ?? "");
      }
      return { route, params };
    }
    return known ? "wrong-method" : undefined;
  }
}

function decoded(segment: string): string {
  try {
    const text = decodeURIComponent(segment);
    if (text.length <= longestSegment) return text;
  } catch {
    // Not of any encoder.
  }
  throw badRequest("A part of the path is no name.");
}
