/** What a settlement is made of: the broker's part, how it is told, and what is stored besides. */

import type { Delivery, Settlement } from "../port/broker.ts";
import type { OpenJoin } from "../port/joins.ts";
import type { ResultWrite } from "../port/result-store.ts";
import type { Execution } from "./execution.ts";
import type { Failure } from "./failure.ts";
import type { TaskEnd } from "./task-end.ts";

/**
 * A settlement, how it is told, and results of other ids (steps of a chain that will not run). Those are stored once the broker has
 * said that this worker's word was the last one: a holder that was replaced must not fail a chain that goes on elsewhere.
 */
export interface Ending {
  readonly settlement: Settlement;
  readonly end: TaskEnd;
  /** What the handler returned, its `bytes` being JSON, or what it failed with: for whoever is told of it. */
  readonly value?: { readonly bytes: Uint8Array };
  readonly failure?: Failure;
  readonly also: readonly ResultWrite[];
  /** Chords among what follows: opened before it is sent. */
  readonly opens?: readonly OpenJoin[];
}

export function ending(settlement: Settlement, end: TaskEnd): Ending {
  return { settlement, end, also: [] };
}

/** To the front, as it was: nothing is counted. `due`: not before this moment, unix ms. */
export function backAsItCame(delivery: Delivery, due?: number): Settlement {
  return { delivery, then: { kind: "requeue", at: "front", ...some("due", due) } };
}

export function returned({ delivery }: Execution, why: string, due?: number): Ending {
  return ending(backAsItCame(delivery, due), { kind: "returned", why });
}

/** `{[key]: value}`, or nothing at all: optional members are absent, never undefined. */
export function some<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

/** As `some`, absent when empty. */
export function list<K extends string, V>(key: K, value: readonly V[]): { [P in K]?: readonly V[] } {
  return value.length === 0 ? {} : ({ [key]: value } as { [P in K]?: readonly V[] });
}
