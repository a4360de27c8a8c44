/** The API as an OpenAPI 3.1 document, made of the table of routes, so that it cannot differ from what is answered. */

import { readFileSync } from "node:fs";
import { packageVersion } from "../version.ts";
import type { QueryField, Route } from "./route.ts";

/** `prefix`: where the dashboard is mounted. */
export function openApi(routes: readonly Route[], prefix: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    const operations = (paths[path] ??= {});
    // Where Flower's answer and ours share a path, ours is described; Flower's is the same below /flower.
    if (route.only === undefined) operations[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Celeriac dashboard",
      version: packageVersion(),
      description:
        "Times are unix milliseconds, durations milliseconds. What nobody can tell is absent. Every POST of this API needs the header X-CSRF-Token with `csrf` of /api/session.",
    },
    servers: [{ url: prefix === "" ? "/" : prefix }],
    security: [{ basic: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        basic: { type: "http", scheme: "basic" },
        session: { type: "apiKey", in: "cookie", name: "celeriac_session" },
      },
      schemas: schemas(),
      responses: {
        Failure: {
          description: "Every answer that is not 2xx.",
          content: { "application/json": { schema: { $ref: "#/components/schemas/ApiFailure" } } },
        },
      },
    },
  };
}

function operationOf(route: Route): object {
  const params = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
  const { answer, produces = "application/json", body, role } = route;
  const schema = answer === undefined ? {} : { schema: { $ref: `#/components/schemas/${answer}` } };
  return {
    summary: route.summary,
    tags: [route.dialect === "flower" ? "Flower" : "Celeriac"],
    "x-role": role,
    ...(role === "open" && { security: [] }),
    parameters: [
      ...params.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      ...Object.entries(route.query ?? {}).map(([name, said]) => parameterOf(name, said)),
    ],
    ...(body !== undefined && {
      requestBody: {
        required: true,
        content: { "application/json": { schema: { $ref: `#/components/schemas/${body}` } } },
      },
    }),
    responses: {
      200: { description: answer ?? "OK", content: { [produces]: schema } },
      default: { $ref: "#/components/responses/Failure" },
    },
  };
}

/** What may be given more than once is repeated: `task=a&task=b`. */
function parameterOf(name: string, said: QueryField): object {
  if (typeof said === "string") return { name, in: "query", description: said, schema: { type: "string" } };
  const schema = { type: "array", items: { type: "string" } };
  return { name, in: "query", description: said.each, style: "form", explode: true, schema };
}

/** Made of the contract's types by scripts/contract-schema.ts. */
function schemas(): object {
  const text = readFileSync(new URL("./contract-schema.json", import.meta.url), "utf8");
  return JSON.parse(text) as object;
}
