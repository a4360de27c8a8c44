/** How the pieces end where the framework does not say that its server closes. */

import type { TaskService } from "./task-service.ts";

/**
 * What `close` of Node's servers looks like.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { type Closable, tasks } from "celeriac/express";
 * const pieces = tasks({ app });
 * const listening: Closable = express().use(pieces).listen(3000, "127.0.0.1");
 * process.once("SIGTERM", () => void pieces.close(listening));
 * ```
 */
export interface Closable {
  close(done: (error?: Error) => void): unknown;
}

export interface ClosablePieces extends AsyncDisposable {
  /**
   * Ends open event streams, closes `server` if one is given and waits for its last response, then waits for background tasks for `drain` at
   * most. Rejects with what closing the server rejects with. A second call waits for the first.
   */
  close(server?: Closable): Promise<void>;
}

/** What a middleware gets beside its call. */
export function closing<Request>(service: TaskService<Request>): ClosablePieces {
  let closed: Promise<void> | undefined;
  const close = (server?: Closable): Promise<void> => (closed ??= closeAll(service, server));
  return { close, [Symbol.asyncDispose]: () => close() };
}

async function closeAll<Request>({ routes, background }: TaskService<Request>, server?: Closable): Promise<void> {
  // Streams first: a server waits for its connections.
  routes.close();
  try {
    if (server !== undefined) await closeServer(server);
  } finally {
    await background.close();
  }
}

function closeServer(server: Closable): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
