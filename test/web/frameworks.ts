/** Each framework that has the two pieces, as one shape: a real server of its own, with a few routes in it. */

import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { type ArgumentsHost, Controller, Get, HttpException, Module, Req, Res } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import express from "express";
import Fastify, { type FastifyRequest } from "fastify";
import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { CeleriacModule } from "../../src/nest/index.ts";
import type { BackgroundTasks } from "../../src/web/background.ts";
import { tasks as expressTasks } from "../../src/web/express.ts";
import { tasks as fastifyTasks } from "../../src/web/fastify.ts";
import { tasks as honoTasks, type TasksEnv } from "../../src/web/hono.ts";
import { tasks as nextTasks } from "../../src/web/next.ts";
import type { TasksOptions } from "../../src/web/task-service.ts";

/** What a route of a test sees. */
export interface Asked {
  readonly background: BackgroundTasks;
  /** Its client has left. */
  readonly gone: Promise<unknown>;
}

export interface Told {
  readonly status: number;
  readonly body: unknown;
}

export interface Setting {
  readonly options: Omit<TasksOptions<never>, "authorize">;
  /** What it throws is `refusal`'s. */
  readonly authorize?: (header: string | undefined, id: string) => boolean;
  /** `GET` of each path. */
  readonly routes?: Readonly<Record<string, (asked: Asked) => Promise<Told>>>;
  /** The server has an error handler of its own, which answers 500 with `{ oops }`. */
  readonly hides?: boolean;
}

export interface Running {
  readonly base: string;
  /** As the framework's page in the docs says. */
  readonly close: () => Promise<void>;
}

export interface Framework {
  readonly start: (setting: Setting) => Promise<Running>;
  /** What its handlers throw for an answer with this status. */
  readonly refusal: (status: number) => Error;
}

const withStatus = (statusCode: number): Error => Object.assign(new Error("refused"), { statusCode });

async function addressOf(server: Server): Promise<string> {
  if (!server.listening) await once(server, "listening");
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

export const frameworks: Readonly<Record<string, Framework>> = {
  Fastify: {
    refusal: withStatus,
    async start({ options, authorize, routes = {}, hides = false }) {
      const server = Fastify();
      await server.register(fastifyTasks, {
        ...options,
        authorize: authorize && ((request: FastifyRequest, id: string) => authorize(request.headers.authorization, id)),
      });
      if (hides)
        server.setErrorHandler(async (error: Error, _request, reply) => reply.code(500).send({ oops: error.message }));
      for (const [path, handle] of Object.entries(routes)) {
        server.get(path, async (request, reply) => {
          const { status, body } = await handle({ background: request.background, gone: once(reply.raw, "close") });
          return reply.code(status).send(body);
        });
      }
      await server.listen({ host: "127.0.0.1", port: 0 });
      return { base: await addressOf(server.server), close: () => server.close() };
    },
  },
  Express: {
    refusal: withStatus,
    async start({ options, authorize, routes = {}, hides = false }) {
      const pieces = expressTasks({
        ...options,
        authorize: authorize && ((request: express.Request, id) => authorize(request.get("authorization"), id)),
      });
      const server = express().use(pieces);
      for (const [path, handle] of Object.entries(routes)) {
        server.get(path, async (request, response) => {
          const { status, body } = await handle({ background: request.background, gone: once(response, "close") });
          response.status(status).json(body);
        });
      }
      server.use(
        (error: Error, _request: express.Request, response: express.Response, next: express.NextFunction): void => {
          if (hides) response.status(500).json({ oops: error.message });
          else next(error);
        },
      );
      server.set("env", "test"); // it writes errors to standard error elsewhere
      const listening = createServer(server).listen(0, "127.0.0.1");
      return { base: await addressOf(listening), close: () => pieces.close(listening) };
    },
  },
  Hono: {
    refusal: (status) => new HTTPException(status as 401),
    async start({ options, authorize, routes = {}, hides = false }) {
      const pieces = honoTasks({
        ...options,
        authorize: authorize && ((context: Context, id) => authorize(context.req.header("authorization"), id)),
      });
      const server = new Hono<TasksEnv>().use(pieces);
      if (hides) server.onError((error, context) => context.json({ oops: error.message }, 500));
      for (const [path, handle] of Object.entries(routes)) {
        server.get(path, async (context) => {
          const gone = once(context.req.raw.signal, "abort");
          const { status, body } = await handle({ background: context.var.background, gone });
          return context.json(body, status as 200);
        });
      }
      const listening = serve({ fetch: server.fetch, hostname: "127.0.0.1", port: 0 }) as Server;
      return { base: await addressOf(listening), close: () => pieces.close(listening) };
    },
  },
  Next: {
    // As Next's own `unauthorized()` and `forbidden()` throw.
    refusal: (status) => Object.assign(new Error("refused"), { digest: `NEXT_HTTP_ERROR_FALLBACK;${status}` }),
    async start({ options, authorize, routes = {}, hides = false }) {
      const responses = new AsyncLocalStorage<ServerResponse>();
      const pieces = nextTasks({
        ...options,
        authorize: authorize && ((request, id) => authorize(request.headers.get("authorization") ?? undefined, id)),
        // What Next does on its own server: when the response is closed, whatever became of it.
        after: (work) => void responses.getStore()?.once("close", () => void work()),
      });
      const own = new Map(
        Object.entries(routes).map(([path, handle]) => [
          path,
          pieces.route(async (request, background) => {
            const { status, body } = await handle({ background, gone: once(request.signal, "abort") });
            return Response.json(body, { status });
          }),
        ]),
      );
      const answer = async (request: Request): Promise<Response> => {
        const found = request.method === "GET" || request.method === "HEAD";
        try {
          const route = own.get(new URL(request.url).pathname) ?? pieces.handlers.GET;
          return found ? await route(request, undefined) : new Response(null, { status: 404 });
        } catch (error) {
          const told = /^NEXT_HTTP_ERROR_FALLBACK;(\d+)$/.exec((error as { digest?: string }).digest ?? "");
          if (hides) return Response.json({ oops: (error as Error).message }, { status: 500 });
          return new Response(null, { status: Number(told?.[1] ?? 500) });
        }
      };
      const fetch = (request: Request, { outgoing }: { outgoing: ServerResponse }): Promise<Response> =>
        responses.run(outgoing, () => answer(request));
      const listening = serve({ fetch: fetch as never, hostname: "127.0.0.1", port: 0 }) as Server;
      return { base: await addressOf(listening), close: () => pieces.close(listening) };
    },
  },
  Nest: {
    refusal: (status) => new HttpException("refused", status),
    async start({ options, authorize, routes = {}, hides = false }) {
      const pieces = CeleriacModule.forRoot({
        ...options,
        authorize: authorize && ((request: express.Request, id) => authorize(request.get("authorization"), id)),
      });
      const server = await NestFactory.create(rootOf(pieces, routes), { logger: false, abortOnError: false });
      if (hides)
        server.useGlobalFilters({
          catch: (error: Error, host: ArgumentsHost) =>
            host.switchToHttp().getResponse<express.Response>().status(500).json({ oops: error.message }),
        });
      await server.listen(0, "127.0.0.1");
      return { base: await addressOf(server.getHttpServer() as Server), close: () => server.close() };
    },
  },
};

/** Nest's decorators are TypeScript's first kind, which Node does not strip: here they are called, as compiled code calls them. */
function rootOf(
  pieces: ReturnType<typeof CeleriacModule.forRoot>,
  routes: NonNullable<Setting["routes"]>,
): new () => object {
  class Routes {}
  for (const [path, handle] of Object.entries(routes)) {
    const value = async (request: express.Request, response: express.Response): Promise<void> => {
      const { status, body } = await handle({ background: request.background, gone: once(response, "close") });
      response.status(status).json(body);
    };
    Object.defineProperty(Routes.prototype, path, { value, configurable: true });
    Get(path)(Routes.prototype, path, { value });
    Req()(Routes.prototype, path, 0);
    Res()(Routes.prototype, path, 1);
  }
  Controller()(Routes);
  class Root {}
  Module({ imports: [pieces], controllers: [Routes] })(Root);
  return Root;
}
