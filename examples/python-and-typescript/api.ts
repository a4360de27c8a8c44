/** An HTTP API in front of the Python model: `POST /score` with a text, answered with what Python makes of it. */

import { createServer, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { TaskFailedError } from "celeriac";
import { score } from "./python-tasks.ts";

export function makeApi(): Server {
  return createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    const run = async (): Promise<void> => {
      if (request.method !== "POST" || request.url !== "/score") return answer(404, { error: "POST /score" });
      const sent = await score.delay(await text(request), 3);
      answer(200, await sent.get({ timeout: "1m" }));
    };
    run().catch((error: unknown) => {
      // What the model refuses is the caller's affair; everything else is ours.
      if (error instanceof TaskFailedError) answer(422, { type: error.type, module: error.module, args: error.args });
      else answer(500, { error: String(error) });
    });
  });
}
