/** When a response of Node's server is over, for the work that waits for it. */

import type { ServerResponse } from "node:http";
import type { BackgroundBatch } from "./background.ts";

/**
 * Runs the batch when the response is over, however it ends: sent, or the client gone (which cancels nothing: the handler has done its
 * work). A 5xx counts as failed, whoever made it. `answered` says whether the handler has given its answer: where the client goes before
 * that there is no "finish" any more, and the adapter calls `conclude` when the answer comes.
 */
export function releaseAfter(raw: ServerResponse, batch: BackgroundBatch, answered: () => boolean): void {
  const over = (): void => {
    raw.off("finish", over);
    raw.off("close", gone);
    conclude(raw.statusCode, batch);
  };
  const gone = (): void => {
    if (answered()) over();
  };
  if (raw.writableFinished) return over();
  raw.on("finish", over);
  raw.on("close", gone);
}

/** The handler has answered, or failed, with this status. */
export function conclude(status: number, batch: BackgroundBatch): void {
  if (status >= 500) batch.drop();
  else batch.release();
}
