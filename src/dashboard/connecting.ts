/** A connection for somebody who looks at a page. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";

/** The app's connection, or BACKEND_UNREACHABLE after `patience` ms: who looks at a page should not wait for a broker that is away. */
export async function connectSoon(
  connect: (signal: AbortSignal) => Promise<Backend>,
  patience: number,
): Promise<Backend> {
  const over = AbortSignal.timeout(patience);
  try {
    return await connect(over);
  } catch (error) {
    if (!over.aborted) throw error;
    throw new CeleriacError("BACKEND_UNREACHABLE", `The broker did not answer within ${String(patience)} ms.`);
  }
}
