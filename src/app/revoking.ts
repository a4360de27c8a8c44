/** Revoking: what it takes, and the door to what does it, which is loaded when it is first used. */

import type { Backend } from "../port/backend.ts";
import type { Duration } from "../task/duration.ts";

/**
 * How something is revoked.
 *
 * @example
 * ```ts
 * const sent = await resize.delay({ file: "a.png", width: 800 });
 * await sent.revoke({ terminate: true, reason: "the picture was deleted" });
 * ```
 */
export interface RevokeOptions {
  /** Stop it also where it runs. Default false: what runs already runs to its end. */
  readonly terminate?: boolean;
  /**
   * With `terminate`. SIGTERM: `ctx.signal` aborts with TASK_REVOKED, and what has not ended three seconds later is ended by force. SIGKILL: by
   * force at once. Default SIGTERM.
   */
  readonly signal?: "SIGTERM" | "SIGKILL";
  /** For people: kept with the revoke. */
  readonly reason?: string;
  /** How long it is remembered: a task that is to run later than that needs longer. Default "1d". */
  readonly keep?: Duration;
}

/**
 * Values of stamps, by their names: a task that has one of them is meant.
 *
 * @example
 * ```ts
 * import type { StampValues } from "celeriac";
 * const unwanted: StampValues = { tenant: ["t1", "t2"], batch: 7 };
 * await app.revokeByStamps(unwanted);
 * ```
 */
export type StampValues = Readonly<Record<string, string | number | readonly (string | number)[]>>;

/** What is revoked. */
export type Revoked = { readonly ids: readonly string[] } | { readonly stamps: StampValues };

/** Rejects with NAME_INVALID, DURATION_INVALID, or when it could not be written. */
export async function revokeIn(backend: Backend, what: Revoked, options: RevokeOptions, now: number): Promise<void> {
  const { revoke } = await import("../control/revoke.ts");
  await revoke(backend, what, options, now);
}
