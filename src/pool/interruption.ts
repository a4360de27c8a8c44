/** Why a signal of the worker aborted, in the words of the pool's messages. */

import type { StopSign } from "../clock/stop.ts";
import type { AbortReason } from "./call-context.ts";

/**
 * Reasons are the words themselves, or errors with our codes; anything else is a shutdown, whose handling loses nothing: the
 * delivery goes back.
 */
export function abortReasonOf(signal: StopSign): AbortReason {
  const reason: unknown = signal.reason;
  switch (typeof reason === "object" && reason !== null ? (reason as { code?: unknown }).code : reason) {
    case "lease-lost":
    case "LEASE_LOST":
      return "lease-lost";
    case "revoked":
    case "TASK_REVOKED":
      return "revoked";
    case "soft-limit":
    case "SOFT_TIME_LIMIT":
      return "soft-limit";
    default:
      return "shutdown";
  }
}

/** Answers with the way to stop listening. */
export function listenForAbort(signal: StopSign, abort: (reason: AbortReason) => void): () => void {
  const listener = (): void => abort(abortReasonOf(signal));
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}
