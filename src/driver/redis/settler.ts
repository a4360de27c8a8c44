/**
 * Settles deliveries. Each call has a number in one of eight slots; the server keeps the last answer of each slot, so a call whose
 * answer was lost is repeated until the last lease in it has ended, and takes effect once.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Settled } from "../../port/broker.ts";
import type { StoredOutcome } from "../../port/result-store.ts";
import type { Millis } from "../../port/units.ts";
import { joinedOf } from "./arrivals.ts";
import type { Context } from "./context.ts";
import type { RedisDelivery } from "./delivery.ts";
import { isPassing, refusedBy, ServerRefusal } from "./failure.ts";
import { mostBytes, mostItems } from "./script/script.ts";
import { outcomeOf } from "./result-meta.ts";
import { settleScript } from "./script/settle.ts";
import { settleItem, SettleRequest, type SettleItem } from "./settle-request.ts";

/** Calls in flight at once; more wait. */
const slots = 8;

const settled: Settled = { kind: "settled" };
const lost: Settled = { kind: "lost" };

export class Settler {
  readonly #context: Context;
  readonly #session: string;
  readonly #sessionLife: string;
  readonly #free: number[] = Array.from({ length: slots }, (_, slot) => slot);
  readonly #waiting: ((slot: number) => void)[] = [];
  #sequence = 0;

  constructor(context: Context, session: string, sessionLife: Millis) {
    this.#context = context;
    this.#session = session;
    this.#sessionLife = String(sessionLife);
  }

  /** In the order of the items. Rejects when nobody knows; what was answered before is remembered by its delivery. */
  async settle(items: readonly SettleItem[]): Promise<Settled[]> {
    const order = firstLast(items);
    const answers = (await Promise.all(slices(order).map((slice) => this.#call(slice)))).flat();
    if (order === items) return answers;
    const byItem = new Map(order.map((item, index) => [item, answers[index]]));
    return items.map((item) => byItem.get(item) ?? lost);
  }

  /**
   * To the front, in reverse order: the first claimed is first again, and what was running comes before what was not. Tried once:
   * whoever closes does not wait for a server that is away, and the leases run out.
   */
  async giveBack(held: readonly RedisDelivery[]): Promise<void> {
    const order = [...held.filter((one) => !one.started).reverse(), ...held.filter((one) => one.started).reverse()];
    const items = order.map((delivery) =>
      settleItem(this.#context.keys, delivery, { delivery, then: { kind: "requeue", at: "front" } }),
    );
    await Promise.allSettled(slices(items).map((slice) => this.#call(slice, true)));
  }

  async #call(items: readonly SettleItem[], once = false): Promise<Settled[]> {
    const slot = this.#free.shift() ?? (await new Promise<number>((resolve) => this.#waiting.push(resolve)));
    const sequence = String(++this.#sequence);
    try {
      const request = new SettleRequest(
        this.#context.keys,
        this.#session,
        `s${slot}`,
        sequence,
        this.#sessionLife,
        items,
      );
      const reply = await this.#send(request, items, once);
      return await this.#read(reply, items);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(slot);
      else this.#free.push(slot);
    }
  }

  async #send(request: SettleRequest, items: readonly SettleItem[], once: boolean): Promise<string> {
    const run = async (): Promise<string> => String(await this.#context.run(settleScript, request.keys, request.args));
    try {
      return await run();
    } catch (error) {
      if (error instanceof ServerRefusal && !isPassing(error)) throw refusedBy(this.#context.location.name, error);
      if (once) throw error;
      // Rare from here on: the server is away.
      const end = untilAllLost(items.map((item) => item.delivery));
      try {
        return await this.#context.link.persist(run, end.signal);
      } catch (cause) {
        if (cause instanceof ServerRefusal && !isPassing(cause)) throw refusedBy(this.#context.location.name, cause);
        throw new CeleriacError(
          "LEASE_LOST",
          `${this.#context.location.name} did not say whether ${items.length} deliveries are settled before their leases ended; others may run them again.`,
          { cause },
        );
      } finally {
        end.stop();
      }
    }
  }

  async #read(reply: string, items: readonly SettleItem[]): Promise<Settled[]> {
    const [letters = "", ...counts] = reply.split(" ");
    let next = 0;
    const finals = items.filter((_, index) => letters[index] === "F");
    const outcomes = finals.length === 0 ? [] : await this.#outcomes(finals);
    let broken = 0;
    const answers = items.map((item, index): Settled => {
      const letter = letters[index];
      const arrive = letter === "S" || letter === "F" ? item.settlement.arrive : undefined;
      const more = arrive && { joined: arrive.map(({ group }) => joinedOf(group, counts[next++])) };
      let answer: Settled = more === undefined ? settled : { kind: "settled", ...more };
      if (letter === "L") {
        answer = lost;
        item.delivery.lose("another worker or a Python peer took it");
      } else if (letter === "F") {
        const stored = outcomes[finals.indexOf(item)];
        const { result } = item.settlement;
        // Forgotten between the two calls: our own is the best that is left.
        const own = { id: result?.id ?? "", state: result?.state ?? "", meta: result?.meta ?? new Uint8Array() };
        answer = { kind: "already-final", outcome: stored ?? own, ...more };
      } else if (letter === "E") broken += 1;
      if (letter !== "E") item.delivery.end(item.settlement.then, answer);
      return answer;
    });
    if (broken > 0)
      throw new CeleriacError(
        "BACKEND_REFUSED",
        `${this.#context.location.name} holds keys of a wrong type where ${broken} settlements had to write; look at the queues and chords they name.`,
      );
    return answers;
  }

  async #outcomes(items: readonly SettleItem[]): Promise<(StoredOutcome | undefined)[]> {
    const ids = items.map((item) => item.settlement.result?.id ?? "");
    const keys = ids.map((id) => this.#context.keys.meta(id));
    const metas = (await this.#context.command("MGET", keys, { binary: true })) as (Buffer | null)[];
    return metas.map((meta, index) => (meta === null ? undefined : outcomeOf(ids[index] ?? "", meta)));
  }
}

/** Aborts when the last of these is lost. */
function untilAllLost(deliveries: readonly RedisDelivery[]): { readonly signal: AbortSignal; stop(): void } {
  const end = new AbortController();
  const check = (): void => {
    if (deliveries.every((delivery) => delivery.isLost)) end.abort(new Error("every lease has ended"));
  };
  for (const delivery of deliveries) delivery.lost.addEventListener("abort", check);
  check();
  return {
    signal: end.signal,
    stop: () => {
      for (const delivery of deliveries) delivery.lost.removeEventListener("abort", check);
    },
  };
}

/** What goes back to the front goes last claimed first, for each goes before the one that went before it. */
function firstLast(items: readonly SettleItem[]): readonly SettleItem[] {
  const toFront = ({ settlement: { then } }: SettleItem): boolean => then.kind === "requeue" && then.at === "front";
  const fronts = items.filter(toFront);
  if (fronts.length < 2) return items;
  const ordered = fronts.toSorted((one, other) => other.delivery.fence - one.delivery.fence);
  return [...items.filter((item) => !toFront(item)), ...ordered];
}

function slices(items: readonly SettleItem[]): SettleItem[][] {
  const calls: SettleItem[][] = [];
  let call: SettleItem[] = [];
  let bytes = 0;
  for (const item of items) {
    if (call.length > 0 && (call.length >= mostItems || bytes + item.size > mostBytes)) {
      calls.push(call);
      call = [];
      bytes = 0;
    }
    call.push(item);
    bytes += item.size;
  }
  if (call.length > 0) calls.push(call);
  return calls;
}
