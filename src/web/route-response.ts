/** What the result routes answer, as a web-standard response. */

import type { ResultRoutes, RouteAnswer } from "./result-routes.ts";
import type { Question } from "./task-service.ts";

/** `signal` aborts when the client has gone. */
export async function responseTo<Asked>(
  routes: ResultRoutes<Asked>,
  { id, events }: Question,
  asked: Asked,
  signal: AbortSignal,
): Promise<Response> {
  if (!events) return responseOf(await routes.read(id, asked));
  const told = await routes.events(id, asked, signal);
  if (!("stream" in told)) return responseOf(told);
  return new Response(bodyOf(told.stream), { status: told.status, headers: told.headers });
}

function responseOf({ status, headers, body }: RouteAnswer): Response {
  return new Response(body, { status, headers });
}

/** A body that ends its source when nobody reads on. */
function bodyOf(stream: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = stream[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
