/**
 * What each kind of fault can do to a task that somebody holds: to whose, and by what it makes a second run of it. A kind that says nothing
 * here is none of the plan, so that the judge excuses nothing by a fault that it does not know.
 */

import type { Fault } from "./fault-plan.ts";
import type { BrokerName } from "./stage.ts";

export type Effect =
  /** The process that held it is gone, or gives it back and goes. */
  | { readonly by: "death"; readonly whose: "worker" | "child" | "two-port worker" }
  /** Who held it cannot renew, for as long as the fault lasts: too long, or it is no reason. `all`: everybody who uses this server. */
  | { readonly by: "silence"; readonly whose: "worker" }
  | { readonly by: "silence"; readonly whose: "all"; readonly server: "redis" | "rabbitmq" }
  /** Renewals are answered, and refused, which is a silence too. */
  | { readonly by: "refusal"; readonly whose: "all"; readonly server: "lease" }
  /**
   * Connections end. Where a message belongs to its connection, that is enough; where it is leased, they are made anew, and it counts as a
   * silence. `lingers`: it strikes with what is said next.
   */
  | { readonly by: "loss"; readonly whose: "line"; readonly lingers?: true }
  | { readonly by: "loss"; readonly whose: "all"; readonly server: "redis" | "rabbitmq" }
  /** Leases are measured by a clock that is off, and for a lease after it. */
  | { readonly by: "clock"; readonly whose: "all"; readonly server: "redis" }
  | { readonly by: "nothing" };

const worker = { by: "death", whose: "worker" } as const;
const stopped = { by: "silence", whose: "worker" } as const;
const line = { by: "loss", whose: "line" } as const;
/** What is no worker holds no task; a worker's wall clock measures no lease; a cache of scripts is filled again. */
const nothing = { by: "nothing" } as const;

export const effects: Readonly<Record<Fault, Effect>> = {
  "kill worker": worker,
  "end worker": worker,
  "end and kill worker": worker,
  "stop worker": stopped,
  "stop machine": stopped,
  "kill machine": worker,
  "kill child": { by: "death", whose: "child" },
  // Its worker renews what it runs.
  "stop child": nothing,
  // It leaves that to its worker.
  "end child": nothing,
  "two-port worker dies": { by: "death", whose: "two-port worker" },
  "kill scheduler": nothing,
  "stop scheduler": nothing,
  "end scheduler": nothing,
  "kill dashboard": nothing,
  "stop dashboard": nothing,
  "full disk": { by: "refusal", whose: "all", server: "lease" },
  "worker clock jumps": nothing,
  "cut line": line,
  "refuse line": line,
  "black hole": line,
  "half-open up": line,
  "half-open down": line,
  "slow line": line,
  "late line": line,
  "uneven line": line,
  "broken word": { ...line, lingers: true },
  "kill redis": { by: "loss", whose: "all", server: "redis" },
  "stop redis": { by: "silence", whose: "all", server: "redis" },
  // Renewals and ends add nothing to it.
  "full redis": nothing,
  "flush scripts": nothing,
  "cut connections": { by: "loss", whose: "all", server: "redis" },
  "full disk ends redis": { by: "loss", whose: "all", server: "redis" },
  "redis clock jumps": { by: "clock", whose: "all", server: "redis" },
  "kill rabbitmq": { by: "loss", whose: "all", server: "rabbitmq" },
  "stop rabbitmq": { by: "silence", whose: "all", server: "rabbitmq" },
  // Of whoever publishes nothing is read, renewals need nothing to be read.
  "rabbitmq alarm": nothing,
  "rabbitmq disk alarm": nothing,
  "close connections": { by: "loss", whose: "all", server: "rabbitmq" },
};

/** Throws for a kind that the plan does not have: a journal of another version. */
export function effectOf(fault: string): Effect {
  const effect = (effects as Readonly<Record<string, Effect | undefined>>)[fault];
  if (effect === undefined) throw new Error(`the judge does not know what "${fault}" can do`);
  return effect;
}

/** Whether what hits this server hits what is held, `lease`: whichever keeps leases. RabbitMQ's results lie on Redis, which holds no message. */
export function holds(server: "lease" | "redis" | "rabbitmq", broker: BrokerName): boolean {
  return server === "lease" ? broker !== "rabbitmq" : server === broker;
}
