/**
 * The Fastify plugin: result routes and `request.background`. Fastify itself is only a type here, so importing this file loads nothing
 * of it. The app stays its owner's: the plugin opens it when it is first asked and never closes it.
 */

import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Background, BackgroundBatch, BackgroundTasks } from "./background.ts";
import { mountedTwice } from "./mounted-twice.ts";
import { conclude, releaseAfter } from "./response-end.ts";
import type { RouteAnswer } from "./result-routes.ts";
import { eventsSchema, readSchema } from "./route-schema.ts";
import { type TasksOptions, TaskService } from "./task-service.ts";

export type { BackgroundTasks } from "./background.ts";
export type { TasksOptions } from "./task-service.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Light work after the response, in this process. What must not be lost is a task. */
    readonly background: BackgroundTasks;
  }
}

/**
 * Registers the routes and `request.background` for the whole server.
 *
 * @example
 * ```ts
 * import Fastify from "fastify";
 * import { createApp } from "celeriac";
 * import { tasks } from "celeriac/fastify";
 *
 * const app = createApp({ name: "shop" });
 * const resize = app.task("image.resize", async (image: { file: string; width: number }) => image.width);
 *
 * const server = Fastify();
 * await server.register(tasks, { app, at: "/tasks" });
 * server.post("/images", async (request, reply) => {
 *   const sent = await resize.delay({ file: "a.jpg", width: 320 });
 *   request.background.add(console.log, "accepted", sent.id);
 *   return reply.code(202).header("location", `/tasks/${sent.id}`).send({ id: sent.id });
 * });
 * ```
 */
export const tasks: (server: FastifyInstance, options: TasksOptions<FastifyRequest>) => Promise<void> = Object.assign(
  async (server: FastifyInstance, options: TasksOptions<FastifyRequest>): Promise<void> => {
    if (server.hasRequestDecorator("background")) throw mountedTwice("tasks");
    const { at, background, routes, durable } = new TaskService(options, server.log);

    decorate(server, background);

    server.get<IdRoute>(`${at}/:id`, { schema: readSchema }, async (request, reply) =>
      send(reply, await routes.read(request.params.id, request)),
    );
    server.get<IdRoute>(`${at}/:id/events`, { schema: eventsSchema }, async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      const answer = await routes.events(request.params.id, request, gone.signal);
      if (!("stream" in answer)) return send(reply, answer);
      // A connection kept alive after a stream that outlives the start of `close` would hold the server until its idle limit, 72 s.
      if (request.raw.httpVersionMajor === 1) reply.header("connection", "close");
      return reply
        .code(answer.status)
        .headers(answer.headers)
        .send(Readable.from(answer.stream, { objectMode: false }));
    });

    // A file that cannot be used is told to whoever starts the server.
    server.addHook("onReady", async () => durable?.start());
    // Streams end before the server waits for its connections, background work after the last response.
    server.addHook("preClose", async () => routes.close());
    server.addHook("onClose", () => background.close());
  },
  // What the fastify-plugin package does: hooks and decorators reach the whole server, not only what this plugin registers.
  {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "celeriac",
    [Symbol.for("plugin-meta")]: { name: "celeriac", fastify: "5.x" },
  },
);

interface IdRoute {
  readonly Params: { readonly id: string };
}

function send(reply: FastifyReply, answer: RouteAnswer): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).send(answer.body);
}

/** `request.background`, made on first use: requests without any pay for one assignment. */
function decorate(server: FastifyInstance, background: Background): void {
  const replies = new WeakMap<FastifyRequest, FastifyReply>();
  const batches = new WeakMap<FastifyRequest, BackgroundBatch>();
  server.decorateRequest("background", {
    getter(this: FastifyRequest): BackgroundTasks {
      const made = batches.get(this);
      if (made !== undefined) return made;
      const batch = background.batch(this.log);
      batches.set(this, batch);
      const reply = replies.get(this);
      if (reply === undefined) batch.release();
      else releaseAfter(reply.raw, batch, () => reply.sent || reply.raw.headersSent);
      return batch;
    },
  });
  server.addHook("onRequest", (request, reply, done) => {
    replies.set(request, reply);
    done();
  });
  server.addHook("onError", (request, _reply, _error, done) => {
    batches.get(request)?.drop();
    done();
  });
  // A client that has gone gets no "finish": its answer is over when the handler gives it.
  server.addHook("onSend", (request, reply, payload, done) => {
    const batch = batches.get(request);
    if (reply.raw.destroyed && batch !== undefined) conclude(reply.statusCode, batch);
    done(null, payload);
  });
}
