/** What the cases of the ledger share: a client's ledger, starts, and messages to keep. */

import { expect } from "vitest";
import type { Begun, Claimed, ExpiredHold, Hold, Ledger, Start } from "../../port/ledger.ts";
import type { Fence } from "../../port/units.ts";
import type { Rig } from "./rig.ts";
import type { OpenClient } from "./suite-server.ts";

export function ledgerOf(client: OpenClient): Ledger {
  if (client.store.ledger === undefined) throw new Error("this store has no ledger");
  return client.store.ledger;
}

/** A first sight of a message, unless `rest` says otherwise. */
export function startOf(id: string, rest: Partial<Start> = {}): Start {
  return {
    id,
    attempt: 1,
    messageId: crypto.randomUUID(),
    redelivered: false,
    worker: "suite",
    blame: "suspect",
    nonce: crypto.randomUUID(),
    ...rest,
  };
}

export async function beginOne(client: OpenClient, id: string, rest?: Partial<Start>): Promise<Begun> {
  const [answer] = await ledgerOf(client).begin([startOf(id, rest)]);
  if (answer === undefined) throw new Error("begin answered nothing");
  return answer;
}

/** Begins, sees it go, and returns what commits and holds are made with. */
export async function go(client: OpenClient, id: string, rest?: Partial<Start>): Promise<Claimed> {
  const answer = await beginOne(client, id, rest);
  if (answer.kind !== "go") throw new Error(`${id} did not go: ${answer.kind}`);
  return { id, fence: answer.fence };
}

export const goes = (crashes: number, suspicions: number): unknown =>
  expect.objectContaining({ kind: "go", crashes, suspicions });

export function holdOf(claimed: Claimed, raw: string = "{}", queue: string = "q"): Hold {
  return { ...claimed, queue, raw: new TextEncoder().encode(raw) };
}

export async function take(client: OpenClient, claimed: Claimed, lease: number): Promise<void> {
  expect(await ledgerOf(client).take([holdOf(claimed)], lease)).toEqual(["held"]);
}

/** Looks until this id is given back: others may stand before it. */
export async function givenBack(
  rig: Rig,
  client: OpenClient,
  id: string,
  lease: number,
  limit?: number,
): Promise<ExpiredHold> {
  let found: ExpiredHold | undefined;
  const look = async (): Promise<boolean> => {
    found = (await ledgerOf(client).expired(lease, 100)).find((hold) => hold.id === id);
    return found !== undefined;
  };
  await rig.until(`${id} to be given back`, look, limit);
  if (found === undefined) throw new Error("not reached");
  return found;
}

export function fenceOf(answer: Begun | undefined): Fence {
  if (answer?.kind !== "go") throw new Error(`no start: ${answer?.kind}`);
  return answer.fence;
}
