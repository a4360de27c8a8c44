/** Joins in Celery's keys, which workers of Python share; and groups saved as Celery saves them. Repeats after a lost answer are harmless. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Arrival, Joined, JoinMember, Joins, OpenJoin, StaleJoin } from "../../port/joins.ts";
import type { Millis } from "../../port/units.ts";
import { argumentOf, ArrivalArguments, joinedOf, sizeOfArrival, wholeText } from "./arrivals.ts";
import type { Argument } from "./client.ts";
import type { Context } from "./context.ts";
import { pieces, whole } from "./pieces.ts";
import {
  agedJoinsScript,
  arriveScript,
  closeJoinScript,
  growJoinScript,
  nameJoinsScript,
  openJoinScript,
  saveGroupScript,
  sealJoinScript,
} from "./script/join.ts";
import { ServerClock } from "./server-clock.ts";
import { mostBytes, mostItems, type Script } from "./script/script.ts";

export class RedisJoins implements Joins {
  readonly #context: Context;
  /** What is being sent while the server's clock is set forward seems to be hours over its time. */
  readonly #serverClock: ServerClock;

  constructor(context: Context) {
    const { clock } = context;
    this.#context = context;
    this.#serverClock = new ServerClock(clock, () => {});
    // Of who has not looked yet, its own clock must do: both are right, or one has stepped.
    this.#serverClock.saw(clock.now(), 0);
  }

  async open(joins: readonly OpenJoin[]): Promise<void> {
    const { keys } = this.#context;
    for (const piece of pieces(joins, ({ body }) => body.length)) {
      await this.#run(
        openJoinScript,
        [keys.joins, keys.control, ...piece.flatMap(({ group }) => keys.joinKeys(group))],
        piece.flatMap(({ group, size, body, ttl, sending }) => [
          group,
          String(size),
          argumentOf(body),
          wholeText(ttl),
          sending === undefined ? "" : whole(sending),
        ]),
      );
    }
  }

  async seal(groups: readonly string[]): Promise<void> {
    const { keys } = this.#context;
    for (const piece of pieces(groups))
      await this.#run(sealJoinScript, [keys.joins, ...piece.map((group) => keys.join(group))], piece);
  }

  async arrive(arrivals: readonly Arrival[]): Promise<readonly Joined[]> {
    const joined: Joined[] = [];
    // One after the other, or a member would not know of those before it.
    for (const piece of pieces(arrivals, sizeOfArrival)) {
      const names: string[] = [];
      const args: Argument[] = [String(piece.length)];
      const numbers = new Map<string, string>();
      const key = (name: string): string => {
        const known = numbers.get(name) ?? String(names.push(name) + 1);
        numbers.set(name, known);
        return known;
      };
      const blocks = new ArrivalArguments(this.#context.keys, args, key);
      for (const arrival of piece) blocks.add(arrival);
      blocks.end();
      const texts = String(await this.#run(arriveScript, names, args)).split(" ");
      for (const [index, { group }] of piece.entries()) joined.push(joinedOf(group, texts[index]));
    }
    return joined;
  }

  async grow(group: string, member: string, running = false): Promise<boolean> {
    const args = [`grown:${member}`, running ? "1" : ""];
    return (await this.#run(growJoinScript, this.#context.keys.joinKeys(group), args)) === 1;
  }

  async look(group: string): Promise<Joined | undefined> {
    const [members, extra, size, own] = this.#context.keys.joinKeys(group);
    const [arrived, [planned, more], [closed, full, open]] = (await Promise.all([
      this.#context.command("ZCARD", [members]),
      this.#context.command("MGET", [size, extra]),
      this.#context.command("HMGET", [own, "closed", "full", "open"]),
    ])) as [number, (string | null)[], (string | null)[]];
    // Opened and without a size: a peer has closed it.
    if (closed || (open && !planned) || (arrived === 0 && !planned)) return undefined;
    const known = planned ? Number(planned) + Number(more ?? 0) : undefined;
    return { group, arrived, size: known, full: Boolean(full) };
  }

  async members(group: string, skip: number, limit: number): Promise<readonly JoinMember[]> {
    if (limit <= 0) return [];
    const [members] = this.#context.keys.joinKeys(group);
    const args = [members, String(skip), String(skip + limit - 1), "WITHSCORES"];
    const flat = (await this.#context.command("ZRANGE", args, { binary: true })) as Buffer[];
    const found: JoinMember[] = [];
    for (let at = 0; at + 1 < flat.length; at += 2)
      found.push(memberOf(group, indexOf(flat[at + 1]), flat[at]?.toString() ?? ""));
    return found;
  }

  async close(groups: readonly string[]): Promise<void> {
    const { keys } = this.#context;
    for (const piece of pieces(groups))
      await this.#run(closeJoinScript, [keys.joins, ...piece.flatMap((group) => keys.joinKeys(group))], piece);
  }

  async stale(age: Millis, limit: number): Promise<readonly StaleJoin[]> {
    const { keys, clock, noJoinsAt } = this.#context;
    // Where there was none so lately, none is so old.
    if (clock.monotonic() - noJoinsAt < age) return [];
    const most = String(Math.min(limit, mostItems));
    const answer = (await this.#run(agedJoinsScript, [keys.joins, keys.control], [whole(age), most])) as Buffer[];
    const [now, longest, ...aged] = answer.map(String);
    const stepped = this.#serverClock.saw(Number(now), Number(longest) + age);
    if (aged.length === 0) return [];
    const names = [keys.joins];
    for (const group of aged) names.push(keys.joinKeys(group)[2], keys.join(group));
    const passes = stepped || this.#serverClock.unsettled ? "1" : "0";
    const args = [whole(age), String(mostBytes), passes, ...aged];
    const named = (await this.#run(nameJoinsScript, names, args)) as [Buffer, number, Buffer | null][];
    return named.map(([group, full, body]) => ({
      group: group.toString(),
      why: full === 1 ? "full" : "unsent",
      body: body ?? undefined,
    }));
  }

  async save(group: string, meta: Uint8Array, ttl: Millis | undefined): Promise<void> {
    const args = [argumentOf(meta), ttl === undefined ? "0" : wholeText(ttl)];
    await this.#run(saveGroupScript, [this.#context.keys.group(group)], args);
  }

  async saved(group: string): Promise<Uint8Array | undefined> {
    const key = this.#context.keys.group(group);
    return ((await this.#context.command("GET", [key], { binary: true })) as Buffer | null) ?? undefined;
  }

  async unsave(group: string): Promise<void> {
    await this.#context.command("DEL", [this.#context.keys.group(group)]);
  }

  #run(script: Script, names: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const { keys } = this.#context;
    return this.#context.ask(() => this.#context.run(script, [keys.unacked, ...names], args, { binary: true }));
  }
}

function indexOf(score: Buffer | undefined): number {
  const text = score?.toString();
  return text === "inf" ? Infinity : Number(text);
}

const start = /^\[\s*\d+\s*,\s*("(?:[^"\\]|\\.)*")\s*,\s*("(?:[^"\\]|\\.)*")\s*,/;

/** The result as it stands there: it is not ours to read. Throws BACKEND_REFUSED. */
export function memberOf(group: string, index: number, text: string): JoinMember {
  const [head = "", ...names] = start.exec(text) ?? [];
  const end = text.lastIndexOf("]");
  const [member, state] = names.map(textIn);
  if (member === undefined || state === undefined || end <= head.length)
    throw new CeleriacError(
      "BACKEND_REFUSED",
      `A member of the chord ${group} is not written as JSON: set result_serializer to "json" on the Python workers that share it.`,
      { details: { group } },
    );
  const value = Buffer.from(text.slice(head.length, end).trim());
  return { index, member, state, value };
}

/** Undefined for what only looks like a string of JSON. */
function textIn(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}
