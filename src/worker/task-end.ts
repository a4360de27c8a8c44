/** How an execution ended, as the worker tells it to its own log and listeners. */

import type { DeadLetter } from "../port/queue-admin.ts";

export type TaskEnd =
  | { readonly kind: "succeeded"; readonly ms: number }
  | { readonly kind: "failed"; readonly ms: number; readonly error: string }
  | { readonly kind: "retried"; readonly delay: number; readonly error: string }
  | { readonly kind: "lost"; readonly culprit: "sure" | "suspect" | "bystander"; readonly error: string }
  | { readonly kind: "dead"; readonly reason: DeadLetter["reason"]; readonly detail: string }
  | { readonly kind: "returned"; readonly why: string }
  | { readonly kind: "ignored"; readonly ms: number }
  /** Somebody has ended it while it ran. */
  | { readonly kind: "revoked"; readonly why: "terminated" }
  /** Another task, or a workflow, goes on under its id. */
  | { readonly kind: "replaced"; readonly ms: number; readonly by: string }
  /** `dead`: why its message was given up, by the run that stored that. */
  | { readonly kind: "final-before"; readonly state: string; readonly dead?: GivenUp };

export type GivenUp = Pick<DeadLetter, "reason" | "detail">;
