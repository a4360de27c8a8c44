/** From claimed rows to the broker: one publish for all of them, and what becomes of each row by its answers. */

import type { AppCore } from "../app/core.ts";
import { within } from "../app/deadline.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { Outgoing, Published } from "../port/broker.ts";
import type { ClaimedRow } from "./claim.ts";
import { type Parcel, unpackParcel } from "./parcel.ts";

export interface Forwarded {
  /** Rows whose messages the broker has, all of them. */
  readonly sent: readonly number[];
  /** Rows that can never be sent as they are. */
  readonly aside: readonly { readonly seq: number; readonly why: string }[];
  /** Queues that took no more. */
  readonly full: readonly string[];
}

interface Readable {
  readonly seq: number;
  readonly parcel: Parcel;
}

/** Rejects with the driver's coded error, or the signal's reason: then nobody knows, and the same rows may be forwarded again. */
export async function forward(
  core: AppCore,
  backend: Backend,
  rows: readonly ClaimedRow[],
  signal: AbortSignal,
): Promise<Forwarded> {
  const aside: { seq: number; why: string }[] = [];
  const readable: Readable[] = [];
  for (const { seq, message } of rows) {
    try {
      const parcel = unpackParcel(message);
      if (parcel.joins.length > 0 && backend.store.joins === undefined) aside.push({ seq, why: noJoins });
      else readable.push({ seq, parcel });
    } catch (error) {
      if (!(error instanceof CeleriacError)) throw error;
      aside.push({ seq, why: `${error.code}: ${error.message}` });
    }
  }
  const sends = readable.flatMap(({ parcel }) => parcel.sends);
  const joins = readable.flatMap(({ parcel }) => parcel.joins);
  // Before their members, whose workers arrive there.
  if (joins.length > 0) await within(backend.store.joins?.open(joins) ?? Promise.resolve(), signal);
  const answers = sends.length === 0 ? [] : await within(backend.broker.publish(sends, signal), signal);
  core.tellSent(
    backend,
    sends.filter((_, index) => answers[index]?.kind === "accepted"),
  );
  return sorted(readable, answers, aside);
}

function sorted(
  readable: readonly Readable[],
  answers: readonly Published[],
  aside: { seq: number; why: string }[],
): Forwarded {
  const sent: number[] = [];
  const full = new Set<string>();
  let at = 0;
  for (const { seq, parcel } of readable) {
    const own = answers.slice(at, (at += parcel.sends.length));
    const never = own.find((answer) => answer.kind === "refused" && answer.reason !== "full");
    if (never?.kind === "refused") aside.push({ seq, why: `${never.reason}: ${never.detail}` });
    else if (own.length === parcel.sends.length && own.every(({ kind }) => kind !== "refused")) sent.push(seq);
    else for (const queue of fullQueues(parcel.sends, own)) full.add(queue);
  }
  return { sent, aside, full: [...full] };
}

function fullQueues(sends: readonly Outgoing[], answers: readonly Published[]): readonly string[] {
  return sends.filter((_, index) => answers[index]?.kind !== "accepted").map(({ queue }) => queue);
}

const noJoins = "NOT_SUPPORTED: a chord needs a result store that counts its members; name one with `results`.";
