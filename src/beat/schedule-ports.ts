/**
 * The ports that schedules live on, or why there are none. Where they lie beside the broker, in a database that other brokers may use as
 * well, all names in it carry the broker's: whoever leads there sends what is scheduled for this broker, and nothing else.
 */

import type { AppCore } from "../app/core.ts";
import { TwoStepLease } from "../app/two-step-lease.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { Lease } from "../port/lease.ts";
import { EntryStore } from "./entry-store.ts";

export interface SchedulePorts {
  readonly lease: Lease;
  readonly store: EntryStore;
}

/** Throws NOT_SUPPORTED. */
export function portsOf({ config }: AppCore, { broker, lease, control }: Backend): SchedulePorts {
  if (lease === undefined || control === undefined) {
    throw new CeleriacError(
      "NOT_SUPPORTED",
      "Nothing here keeps schedules: this broker stores messages alone. Name a database with `schedules` (or --schedules): a redis: or sqlite: URL.",
    );
  }
  if (!(lease instanceof TwoStepLease)) return { lease, store: new EntryStore(control, "") };
  const { protocol, host, pathname } = config.broker;
  // Without blanks, so that no name of a schedule can be taken for a part of it.
  const scope = `${encodeURI(broker.scope ?? `${protocol}//${host}${pathname}`)} `;
  return { lease: scoped(lease, scope), store: new EntryStore(control, scope) };
}

function scoped(lease: Lease, scope: string): Lease {
  return {
    acquire: (name, holder, ttl) => lease.acquire(scope + name, holder, ttl),
    renew: (term, ttl) => lease.renew(term, ttl),
    release: (term) => lease.release(term),
    fire: (term, schedule, tick, send) => lease.fire(term, scope + schedule, tick, send),
    fired: (schedule, limit) => lease.fired(scope + schedule, limit),
    forget: (schedules) => lease.forget(schedules.map((schedule) => scope + schedule)),
    begin: (term, schedule, tick, id) => lease.begin(term, scope + schedule, tick, id),
    done: (schedule, tick, id) => lease.done(scope + schedule, tick, id),
  };
}
