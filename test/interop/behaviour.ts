/** What a row of the matrix is: one thing that must work between the two sides, and how it is tried. */

import type { Program } from "../server/required-program.ts";
import type { ReleaseName } from "./release.ts";
import type { Stage } from "./stage.ts";

/** Who sends → who runs; `mixed workers`: both kinds serve one queue. */
export type Direction = "TypeScript → Python" | "Python → TypeScript" | "mixed workers";
/** Messages and results: both in Redis, RabbitMQ with results in Redis, RabbitMQ with results sent back. */
export type Servers = "redis" | "rabbitmq" | "rpc";

export interface Behaviour {
  /** Lower case; rows of one subject begin alike, for `--only`. */
  readonly name: string;
  readonly direction: Direction;
  /** The servers it means anything on. Default: all. */
  readonly on?: readonly Servers[];
  /** The releases that have it. Default: both. */
  readonly since?: ReleaseName;
  /** What it takes beside the servers. */
  readonly needs?: Program;
  readonly run: (stage: Stage) => Promise<void>;
}

/** Does the row have a cell there? */
export function applies(behaviour: Behaviour, servers: Servers, release: ReleaseName): boolean {
  const { on, since } = behaviour;
  return (on === undefined || on.includes(servers)) && (since === undefined || release >= since);
}
