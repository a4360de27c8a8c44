/** Who looks, what that person may do, and what this dashboard is connected to. */

import type { ActionKind } from "./action.ts";

export type Role = "view" | "operate" | "admin";

export interface Session {
  /** `null`: no login is asked for (loopback). */
  readonly user: { readonly name: string; readonly email?: string; readonly role: Role } | null;
  /** Actions that are allowed somewhere. */
  readonly may: readonly ActionKind[];
  /** Absent: all queues. */
  readonly queues?: readonly string[];
  readonly readOnly: boolean;
  /** Goes with every POST, in the header `X-CSRF-Token`. */
  readonly csrf: string;
  readonly environment: string;
  readonly version: string;
  /** The server's clock, so that ages can be counted by it. */
  readonly now: number;
  readonly broker: BrokerFacts;
  readonly history: HistoryFacts;
  readonly login: { readonly kinds: readonly ("basic" | "oidc" | "header")[]; readonly logout?: string };
}

export interface BrokerFacts {
  readonly kind: "redis" | "rabbitmq" | "sqlite" | "memory";
  /** Without credentials. */
  readonly url: string;
  readonly connected: boolean;
  readonly can: {
    readonly browse: boolean;
    readonly delay: boolean;
    readonly pause: boolean;
    readonly schedules: boolean;
    /** Revokes and limits outlive the workers that heard of them. */
    readonly facts: boolean;
  };
}

export interface HistoryFacts {
  /** False: the disk is full or the file broken; what happens now is not kept. */
  readonly recording: boolean;
  readonly warning?: string;
  /** The oldest moment one can look at. Absent: empty. */
  readonly since?: number;
  /** Since the file was begun. */
  readonly events: number;
  /** About so many are kept. */
  readonly tasks: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly maxAge: number;
}
