/** The calls of which there are few, by name: some read, some write in the transaction of their turn. */

import type { Ask, Asks, Request } from "./exchange.ts";
import type { Browsing } from "./browsing.ts";
import type { BusFile } from "./bus-file.ts";
import type { CallRows } from "./call-rows.ts";
import type { Facts } from "./facts.ts";
import type { Joining } from "./joining.ts";
import type { LimitRows } from "./limit-rows.ts";
import type { Letters } from "./letters.ts";
import type { Moving } from "./moving.ts";
import type { Unpacked } from "./parcel.ts";
import type { Results } from "./results.ts";
import type { Starts } from "./starts.ts";
import type { Terms } from "./terms.ts";
import type { Ticks } from "./ticks.ts";
import type { Turn } from "./turn.ts";
import type { Watching } from "./watching.ts";

export interface Consumers {
  consume(ask: Asks["consume"]["in"], turn: Turn): number;
  setQueues(ask: Asks["setQueues"]["in"], turn: Turn): void;
  stop(consumer: number, turn: Turn): void;
  stopAll(turn: Turn): void;
}
export interface Rooms {
  readonly starts: Starts;
  readonly results: Results;
  readonly joining: Joining;
  readonly browsing: Browsing;
  readonly letters: Letters;
  readonly moving: Moving;
  readonly terms: Terms;
  readonly ticks: Ticks;
  readonly facts: Facts;
  readonly limits: LimitRows;
  readonly calls: CallRows;
  readonly watching: Watching;
  readonly bus: BusFile;
  readonly consumers: Consumers;
  /** Opens this process's bell if need be, and names it. */
  bell(): string;
  /** From now on this process does its part of tidying up, also without a consumer. */
  tend(): void;
}
export type AskRequest = Extract<Request, { k: "ask" }>;

const writes: ReadonlySet<Ask> = new Set<Ask>([
  "consume",
  "setQueues",
  "stop",
  "commit",
  "forget",
  "writePoint",
  "begin",
  "reopen",
  "finish",
  "take",
  "renewHolds",
  "expired",
  "release",
  "openJoins",
  "sealJoins",
  "arrive",
  "growJoin",
  "closeJoins",
  "staleJoins",
  "saveGroup",
  "unsaveGroup",
  "purge",
  "requeue",
  "setPaused",
  "redrive",
  "drop",
  "acquire",
  "renewTerm",
  "releaseTerm",
  "fire",
  "beginTick",
  "doneTick",
  "forgetTicks",
  "setFacts",
  "replaceFact",
  "takeLimits",
  "giveLimits",
  "beginCalls",
  "close",
]);

const passing: ReadonlySet<Ask> = new Set<Ask>([
  "begin",
  "renewHolds",
  "staleJoins",
  "takeLimits",
  "giveLimits",
  "beginCalls",
]);

export function isWrite(ask: Ask): boolean {
  return writes.has(ask);
}

/**
 * Must it outlive a power cut? Not starts, nor renewals, nor limits, nor who looks after a join: whoever made them is gone as well then. Marks of what goes on elsewhere must: a
 * message that was put back on another server would be taken for a copy.
 */
export function mustLast(request: Request): boolean {
  return request.k !== "started" && !(request.k === "ask" && passing.has(request.ask));
}

/** Inside a transaction. */
export function answerWrite(rooms: Rooms, request: AskRequest, batch: Unpacked, turn: Turn): unknown {
  const { results, starts, joining, browsing, letters, terms, ticks, facts, consumers } = rooms;
  switch (request.ask) {
    case "consume":
      return consumers.consume(request.input, turn);
    case "setQueues":
      consumers.setQueues(request.input, turn);
      return null;
    case "stop":
      consumers.stop(request.input.consumer, turn);
      return null;
    case "close":
      consumers.stopAll(turn);
      return null;
    case "commit":
      return results.commit(batch, request.input.from, request.input.count, turn);
    case "forget":
      results.forget(request.input);
      return null;
    case "writePoint":
      return results.writePoint(request.input, turn);
    case "begin":
      rooms.tend();
      return request.input.map((start) => starts.begin(start, results, turn));
    case "reopen":
      for (const mark of request.input) starts.reopen(mark, turn);
      return [];
    case "finish":
      return request.input.map((claimed) => starts.finish(claimed, turn));
    case "take":
      return request.input.holds.map((hold) => starts.take(hold, request.input, turn));
    case "renewHolds":
      return request.input.holds.map((claimed) => starts.renew(claimed, request.input.lease, turn));
    case "expired":
      return starts.expired(request.input, turn);
    case "release":
      for (const claimed of request.input) starts.release(claimed, turn);
      return [];
    case "openJoins":
      rooms.tend();
      for (const join of request.input) joining.open(join, turn);
      return [];
    case "sealJoins":
      for (const group of request.input) joining.seal(group);
      return [];
    case "arrive":
      rooms.tend();
      return request.input.map((arrival) => joining.arrive(arrival, turn));
    case "growJoin":
      return joining.grow(request.input, turn);
    case "closeJoins":
      for (const group of request.input) joining.close(group, turn);
      return [];
    case "staleJoins":
      return joining.stale(request.input, turn);
    case "saveGroup":
      rooms.tend();
      joining.save(request.input, turn.now);
      return null;
    case "unsaveGroup":
      joining.unsave(request.input);
      return null;
    case "purge":
      return browsing.purge(request.input);
    case "requeue":
      return rooms.moving.requeue(request.input, turn);
    case "setPaused":
      browsing.setPaused(request.input.queue, request.input.paused, turn);
      return null;
    case "redrive":
      return letters.redrive(request.input, turn);
    case "drop":
      return letters.drop(request.input);
    case "acquire":
      return terms.acquire(request.input.name, request.input.holder, request.input.ttl, turn);
    case "renewTerm":
      return terms.renew(request.input.term, request.input.ttl, turn);
    case "releaseTerm":
      terms.release(request.input);
      return null;
    case "fire":
      return ticks.fire(request.input, batch, turn);
    case "beginTick":
      return ticks.begin(request.input, turn);
    case "doneTick":
      ticks.done(request.input, turn);
      return null;
    case "forgetTicks":
      ticks.forget(request.input);
      return null;
    case "setFacts":
      return facts.set(request.input, turn.now);
    case "replaceFact":
      return facts.replace(request.input.fact, request.input.value, turn.now);
    case "takeLimits":
      rooms.tend();
      return request.input.map((ask) => rooms.limits.take(ask, turn));
    case "giveLimits":
      for (const place of request.input) rooms.limits.places.give(place, turn);
      return null;
    case "beginCalls":
      return rooms.calls.begin(request.input, turn);
    default:
      throw new Error(`${request.ask} does not write`);
  }
}

/** Outside of any transaction; `now` is the wall clock, `mono` the machine's. */
export function answerRead(rooms: Rooms, request: AskRequest, now: number, mono: number): unknown {
  const { results, joining, browsing, letters, watching, bus } = rooms;
  switch (request.ask) {
    case "get":
      return results.get(request.input, now);
    case "watch":
      watching.add(request.input.watch, request.input.id);
      return null;
    case "follows":
      return request.input.map((waiting) => rooms.starts.follows(waiting, now));
    case "readPoints":
      return results.points(request.input, now);
    case "lookJoin":
      return joining.look(request.input, now);
    case "members":
      return joining.members(request.input, now);
    case "savedGroup":
      return joining.saved(request.input, now);
    case "queues":
      return browsing.list();
    case "browse":
      return browsing.browse(request.input, now - mono);
    case "find":
      return browsing.find(request.input.queue, request.input.id, now - mono);
    case "letters":
      return letters.list(request.input);
    case "firedTicks":
      return rooms.ticks.latest(request.input.schedule, request.input.limit);
    case "changes":
      return rooms.facts.changes(request.input, now);
    case "lookLimits":
      return request.input.map((key) => rooms.limits.look(key, mono));
    case "lookPlaces":
      return request.input.map((key) => rooms.limits.places.look(key, mono));
    case "say":
      bus.say(request.input.channel, request.input.message);
      return null;
    case "listen":
      bus.listen(request.input.listener, request.input.channel, rooms.bell());
      return null;
    case "unlisten":
      bus.unlisten(request.input.listener);
      return null;
    case "audience":
      return bus.audience();
    default:
      throw new Error(`${request.ask} does not read`);
  }
}
