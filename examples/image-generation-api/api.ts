/** The web API: order a picture, ask how it is, hear of every step, see it, cancel it. It computes nothing itself, so it answers while every "GPU" is busy. */

import { readFile } from "node:fs/promises";
import { type App, CeleriacError } from "celeriac";
import Fastify, { type FastifyInstance } from "fastify";
import { queue } from "./app.ts";
import { picturePath } from "./gallery.ts";
import { Line } from "./line.ts";
import { Orders, type Wish } from "./orders.ts";

interface Asked {
  Params: { id: string };
}

export async function makeApi(app: App, folder: string): Promise<FastifyInstance> {
  const server = Fastify({
    logger: { level: "warn", stream: process.stderr },
    bodyLimit: 16 * 1024,
    // Open event streams would keep a closing server waiting.
    forceCloseConnections: true,
  });
  const line = new Line(app, queue);
  const orders = new Orders(app, line, folder);
  const closing = new AbortController();
  server.addHook("preClose", async () => {
    closing.abort(new Error("the server is closing"));
    await line.close();
  });

  server.post<{ Body: Wish }>("/images", { schema: { body: wishSchema } }, async (request, reply) => {
    const { id, seed, status } = await orders.take(request.body);
    const location = `/images/${id}`;
    return reply
      .code(202)
      .header("location", location)
      .send({ id, seed, ...status, location, events: `${location}/events`, picture: `${location}.png` });
  });

  server.get<Asked>("/images/:id", { schema }, async ({ params: { id } }, reply) => {
    const status = await orders.status(id);
    if (status === undefined) return reply.code(404).send(noSuch(id));
    const waiting = status.state === "queued" || status.state === "running";
    return reply.code(waiting ? 202 : 200).send({ id, ...status });
  });

  server.get<Asked>("/images/:id/events", { schema }, async ({ params: { id } }, reply) => {
    if ((await orders.status(id)) === undefined) return reply.code(404).send(noSuch(id));
    const left = new AbortController();
    reply.raw.once("close", () => left.abort());
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store, no-transform" });
    reply.raw.write("retry: 1000\n\n");
    try {
      for await (const status of orders.follow(id, AbortSignal.any([left.signal, closing.signal])))
        reply.raw.write(`event: ${status.state}\ndata: ${JSON.stringify(status)}\n\n`);
    } catch (error) {
      reply.log.warn({ err: error, id }, "an event stream broke off; the browser opens it again");
    }
    reply.raw.end();
  });

  server.delete<Asked>("/images/:id", { schema }, async ({ params: { id } }, reply) => {
    const status = await orders.status(id);
    if (status === undefined) return reply.code(404).send(noSuch(id));
    if (status.state !== "queued" && status.state !== "running")
      return reply.code(409).send({ error: "OVER", message: `it is ${status.state} already` });
    await orders.cancel(id);
    return reply.code(202).send({ id, state: "cancelled" });
  });

  for (const draft of [false, true]) {
    server.get<Asked>(
      draft ? "/images/:id/draft.png" : "/images/:id.png",
      { schema },
      async ({ params: { id } }, reply) => {
        // A draft that has become the picture meanwhile is the picture.
        const paths = draft ? [picturePath(folder, id, true), picturePath(folder, id)] : [picturePath(folder, id)];
        const file = await firstOf(paths);
        // A page that asks for a draft too early, or after a cancel, has made no mistake.
        if (file === undefined) return draft ? reply.code(204).send() : reply.code(404).send(noSuch(id));
        return reply
          .header("content-type", "image/png")
          .header("cache-control", draft ? "no-store" : "private, max-age=86400, immutable")
          .send(file);
      },
    );
  }

  server.setErrorHandler((error, _request, reply) => {
    // The line is full. Whoever is told so at once can come again; whoever is let in waits for nothing.
    if (error instanceof CeleriacError && error.code === "QUEUE_FULL")
      return reply.code(503).header("retry-after", "30").send({ error: error.code, message: "too many wait already" });
    throw error;
  });
  await servePage(server);
  return server;
}

const wishSchema = {
  type: "object",
  required: ["prompt"],
  additionalProperties: false,
  properties: {
    prompt: { type: "string", minLength: 1, maxLength: 500 },
    seed: { type: "integer", minimum: 0, maximum: 4_294_967_295 },
    size: { type: "integer", minimum: 64, maximum: 512 },
    steps: { type: "integer", minimum: 4, maximum: 200 },
  },
} as const;

/** Ids are ours, so what cannot be one names no file either. */
const schema = {
  params: { type: "object", required: ["id"], properties: { id: { type: "string", pattern: "^[0-9a-f-]{36}$" } } },
} as const;

function noSuch(id: string): { readonly error: string; readonly message: string } {
  return { error: "NOT_FOUND", message: `there is no picture ${id}` };
}

/** At most 600 kB each. */
async function firstOf(paths: readonly string[]): Promise<Buffer | undefined> {
  for (const path of paths) {
    const file = await readFile(path).catch(() => undefined);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** Our own files and nothing from elsewhere, which the policy makes the browser enforce. */
async function servePage(server: FastifyInstance): Promise<void> {
  const policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
  const files = [
    { path: "/", name: "index.html", type: "text/html; charset=utf-8" },
    { path: "/page.css", name: "page.css", type: "text/css; charset=utf-8" },
    { path: "/page.js", name: "page.js", type: "text/javascript; charset=utf-8" },
  ];
  for (const { path, name, type } of files) {
    const content = await readFile(new URL(`page/${name}`, import.meta.url));
    server.get(path, (_request, reply) =>
      reply
        .headers({ "content-type": type, "content-security-policy": policy, "referrer-policy": "no-referrer" })
        .send(content),
    );
  }
}
