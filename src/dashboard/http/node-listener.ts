/**
 * The handler in Node's own server, and in everything that is built on it: Express, Fastify, Nest. Bodies flow both ways with the pace of
 * who reads them; who goes away ends the work.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Peer } from "../access/gate.ts";
import type { Viewer } from "../access/viewer.ts";

/** The dashboard, or any handler like it. */
export type Handler = (request: Request, peer?: Peer) => Promise<Response>;

/**
 * How a dashboard is mounted where requests are Node's. `Incoming` is what they are there: Express has its own.
 *
 * @example
 * ```ts
 * import { dashboard, nodeListener, type NodeListenerOptions } from "celeriac/dashboard";
 * const options: NodeListenerOptions = {
 *   authorize: ({ headers }) => (headers["x-user"] === "ann" ? { name: "ann", role: "view" } : undefined),
 * };
 * const listener = nodeListener(dashboard(app, { prefix: "/celeriac" }), options);
 * ```
 */
export interface NodeListenerOptions<Incoming extends IncomingMessage = IncomingMessage> {
  /**
   * Who this is, as the server around it knows. `undefined`: nobody, answered with 401. Default: the dashboard finds out by itself.
   */
  readonly authorize?: (request: Incoming) => Viewer | undefined | Promise<Viewer | undefined>;
}

/** What servers of Node call with each request. */
export type NodeListener<Incoming extends IncomingMessage = IncomingMessage> = (
  request: Incoming,
  response: ServerResponse,
) => void;

/**
 * For `createServer`, `app.use` of Express, and the like. Parsers of bodies may have run before.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { createApp } from "celeriac";
 * import { dashboard, nodeListener } from "celeriac/dashboard";
 *
 * const app = createApp({ name: "shop" });
 * const page = dashboard(app, { prefix: "/celeriac" });
 * export const server = express().use("/celeriac", nodeListener(page));
 * ```
 */
export function nodeListener<Incoming extends IncomingMessage = IncomingMessage>(
  handler: Handler,
  { authorize }: NodeListenerOptions<Incoming> = {},
): NodeListener<Incoming> {
  return (incoming, outgoing) => {
    answer(handler, authorize, incoming, outgoing).catch((error: unknown) => {
      // The connection has gone, or what was sent of it cannot be taken back.
      outgoing.destroy(error instanceof Error ? error : undefined);
    });
  };
}

async function answer<Incoming extends IncomingMessage>(
  handler: Handler,
  authorize: NodeListenerOptions<Incoming>["authorize"],
  incoming: Incoming,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  // Node takes it from both when the connection ends.
  const { socket } = incoming;
  outgoing.once("close", () => gone.abort(new Error("the client has gone")));
  outgoing.on("error", () => {});
  const viewer = await authorize?.(incoming);
  if (authorize !== undefined && viewer === undefined) {
    outgoing.writeHead(401, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
    outgoing.end('{"code":"UNAUTHENTICATED","text":"Log in first."}');
    return;
  }
  const request = requestOf(incoming, gone.signal);
  if (request === undefined) {
    outgoing.writeHead(400).end();
    return;
  }
  const response = await handler(request, { address: socket.remoteAddress, viewer });
  if (!incoming.complete && incoming.method !== "GET") {
    // Refused before it was read: the rest of the body is not waited for.
    response.headers.set("connection", "close");
    outgoing.once("finish", () => socket.destroySoon());
  }
  // Nothing comes after a stream; a connection that were kept for more would hold up the server that ends.
  else if (isStream(response) && incoming.httpVersionMajor === 1) response.headers.set("connection", "close");
  await send(response, outgoing, gone.signal);
}

function isStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") === true;
}

/** `undefined` for what is no request that can be answered. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  // Express cuts off the path at which it was mounted, and keeps the whole beside it.
  const { originalUrl } = incoming as { readonly originalUrl?: string };
  const target = originalUrl ?? incoming.url ?? "/";
  const host = incoming.headers.host ?? "";
  const url = `http://${host}${target}`;
  if (!target.startsWith("/") || !/^[\w.:[\]-]{1,260}$/.test(host) || !URL.canParse(url)) return undefined;
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  const method = incoming.method ?? "GET";
  if (["CONNECT", "TRACE", "TRACK"].includes(method)) return undefined;
  const bare = method === "GET" || method === "HEAD";
  return new Request(url, {
    method,
    headers,
    signal,
    ...(!bare && { body: bodyOf(incoming), duplex: "half" }),
  });
}

/** What a parser has read before is not there to be read again, so it is written as it was. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> | string | Uint8Array<ArrayBuffer> {
  const { body } = incoming as { readonly body?: unknown };
  if (!incoming.readableEnded || body === undefined || body === null)
    return Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  const isForm = incoming.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true;
  return isForm ? new URLSearchParams(body as Record<string, string>).toString() : JSON.stringify(body);
}

async function send(response: Response, outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
  const headers: Record<string, string | readonly string[]> = Object.fromEntries(response.headers);
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  outgoing.writeHead(response.status, headers as Record<string, string>);
  if (response.body === null) {
    outgoing.end();
    return;
  }
  outgoing.flushHeaders();
  const reader = response.body.getReader();
  // An answer that is broken off ends the connection at once, also while nobody takes what was written before.
  reader.closed.catch(() => outgoing.destroy());
  const stop = (): void => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || signal.aborted) break;
    if (!outgoing.write(value)) await drained(outgoing);
  }
  signal.removeEventListener("abort", stop);
  outgoing.end();
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      outgoing.off("drain", over).off("close", over);
      resolve();
    };
    outgoing.once("drain", over).once("close", over);
    if (outgoing.destroyed) over();
  });
}
