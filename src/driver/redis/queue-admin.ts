/** Looking into queues. Reads with bounded commands only; nothing here pops, moves or marks a message. */

import type { Held, Page, QueueAdmin, QueueState, RequeueTo } from "../../port/queue-admin.ts";
import { decodeEnvelope } from "../../wire/envelope.ts";
import type { Context } from "./context.ts";
import { fenceOfId } from "./keys.ts";
import { Requeue } from "./requeue.ts";
import { controlScript, purgeDelayedScript, purgeReadyScript } from "./script/admin.ts";
import { fairStep } from "./script/parts.ts";
import { ringScript } from "./script/wake.ts";
import { holderOf } from "./start-mark.ts";

const mostItems = 200;
/** Delayed messages removed in one call. */
const purgeSlice = 500;
/** `find` reads whole messages; a queue longer than this is not searched to its end. */
const mostSearched = 50_000;

export class RedisQueueAdmin implements QueueAdmin {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  async list(): Promise<readonly QueueState[]> {
    const { keys } = this.#context;
    const [ours, theirs, control] = (await Promise.all([
      this.#context.command("SMEMBERS", [keys.queues]),
      // The exchange of Celery's default configuration: queues that Python declared.
      this.#context.command("SMEMBERS", [keys.binding("celery")]),
      this.#context.command("HKEYS", [keys.control]),
    ])) as [string[], string[], string[]];
    const paused = new Set(control.filter((field) => field.startsWith("pause:")).map((field) => field.slice(6)));
    const bound = theirs.flatMap((member) => keys.queueOfBinding(member) ?? []);
    const names = [...new Set([...ours, ...bound])].sort();
    return await Promise.all(names.map((name) => this.#state(name, paused.has(name))));
  }

  async #state(name: string, paused: boolean): Promise<QueueState> {
    const { keys } = this.#context;
    const ask = (command: string, key: string): Promise<number> =>
      this.#context.command(command, [key]) as Promise<number>;
    const [delayed, leased, fair, ...lengths] = await Promise.all([
      ask("ZCARD", keys.due(name)),
      ask("ZCARD", keys.lease(name)),
      ask("ZCARD", keys.fair(name)),
      ...keys.lists(name).map((list) => ask("LLEN", list)),
    ]);
    const ready = keys.steps.map((priority, index) => ({
      priority,
      count: (lengths[index] ?? 0) + (index === 0 ? fair : 0),
    }));
    return { name, paused, ready, delayed: delayed ?? 0, leased: leased ?? 0 };
  }

  async browse(queue: string, where: Held["state"], after: string | undefined, limit: number): Promise<Page<Held>> {
    const most = Math.max(1, Math.min(limit, mostItems));
    return where === "ready" ? this.#ready(queue, after, most) : this.#ledger(queue, where, after, most);
  }

  /** From the right end, next to be taken first. Pages are places: what is taken meanwhile moves the rest, as in any moving line. */
  async #ready(queue: string, after: string | undefined, limit: number): Promise<Page<Held>> {
    const { keys, clock } = this.#context;
    const [first, place] = (after ?? "0:0").split(":").map(Number);
    let from = place ?? 0;
    const items: Held[] = [];
    for (const step of keys.steps) {
      if (step < (first ?? 0)) continue;
      const range = [keys.list(queue, step), String(-(from + limit - items.length)), String(-1 - from)];
      const raws = ((await this.#context.command("LRANGE", range, { binary: true })) as Buffer[]).reverse();
      raws.forEach((raw, index) =>
        // The server does not know since when; "now" is the one time that is surely not too early.
        items.push({ key: `${step}:${from + index}`, raw, since: clock.now(), state: "ready", ahead: from + index }),
      );
      if (items.length >= limit) return { items, next: await this.#nextPlace(queue, step, from + raws.length) };
      from = 0;
    }
    // Keys that take turns have no priority; half of each claim is theirs, whatever else waits.
    const range = [keys.fair(queue), String(from), String(from + limit - items.length - 1)];
    const raws = (await this.#context.command("ZRANGE", range, { binary: true })) as Buffer[];
    raws.forEach((raw, index) =>
      items.push({ key: `${fairStep}:${from + index}`, raw, since: clock.now(), state: "ready", ahead: from + index }),
    );
    return { items, next: items.length < limit ? undefined : `${fairStep}:${from + raws.length}` };
  }

  async #nextPlace(queue: string, step: number, from: number): Promise<string | undefined> {
    const { keys } = this.#context;
    for (const later of keys.steps.filter((one) => one >= step)) {
      const length = Number(await this.#context.command("LLEN", [keys.list(queue, later)]));
      const place = later === step ? from : 0;
      if (length > place) return `${later}:${place}`;
    }
    const fair = Number(await this.#context.command("ZCARD", [keys.fair(queue)]));
    return fair > 0 ? `${fairStep}:0` : undefined;
  }

  async #ledger(
    queue: string,
    where: "delayed" | "leased",
    after: string | undefined,
    limit: number,
  ): Promise<Page<Held>> {
    const { keys } = this.#context;
    const key = where === "delayed" ? keys.due(queue) : keys.lease(queue);
    const start = after === undefined ? 0 : await this.#placeAfter(key, after);
    const range = [key, String(start), String(start + limit - 1), "WITHSCORES"];
    const flat = (await this.#context.command("ZRANGE", range)) as string[];
    if (flat.length === 0) return { items: [], next: undefined };
    const ids = flat.filter((_, index) => index % 2 === 0);
    const [values, marks] = (await Promise.all([
      this.#context.command("HMGET", [keys.unacked, ...ids], { binary: true }),
      where === "leased" ? this.#context.command("HMGET", [keys.started(queue), ...ids]) : [],
    ])) as [(Buffer | null)[], (string | null)[]];
    const items = ids.flatMap((id, index): Held[] => {
      const value = values[index];
      if (!value) return [];
      const score = Number(flat[index * 2 + 1]);
      const raw = value.subarray(1, value.length - queue.length - 7);
      // A fence is a time in microseconds unless the clock was set back.
      const held = { key: id, raw, since: Math.floor(fenceOfId(id) / 1000), state: where };
      if (where === "delayed") return [{ ...held, due: score }];
      const worker = holderOf(marks[index] ?? "");
      return [{ ...held, leaseUntil: score, ...(worker === undefined ? {} : { worker }) }];
    });
    const last = `${flat.at(-1)} ${ids.at(-1)}`;
    return { items, next: ids.length < limit ? undefined : last };
  }

  /** Behind the last member of the page before; by its score if it is gone. */
  async #placeAfter(key: string, after: string): Promise<number> {
    const space = after.indexOf(" ");
    const rank = await this.#context.command("ZRANK", [key, after.slice(space + 1)]);
    if (rank !== null) return Number(rank) + 1;
    return Number(await this.#context.command("ZCOUNT", [key, "-inf", `(${after.slice(0, space)}`]));
  }

  async find(queue: string, id: string): Promise<Held | undefined> {
    for (const where of ["leased", "delayed", "ready"] as const) {
      let searched = 0;
      for (let after: string | undefined; searched < mostSearched;) {
        const page: Page<Held> = await this.browse(queue, where, after, mostItems);
        const found = page.items.find((held) => isTask(held.raw, id));
        if (found !== undefined) return where === "ready" ? await this.#withAll(queue, found) : found;
        searched += page.items.length;
        after = page.next;
        if (after === undefined) break;
      }
    }
    return undefined;
  }

  /** Before it come also all of the steps before its own. */
  async #withAll(queue: string, held: Held): Promise<Held> {
    const { keys } = this.#context;
    const own = Number(held.key.split(":")[0]);
    if (own === fairStep) return held;
    const before = keys.steps.filter((step) => step < own).map((step) => keys.list(queue, step));
    const lengths = await Promise.all(before.map((list) => this.#context.command("LLEN", [list]) as Promise<number>));
    return { ...held, ahead: lengths.reduce((sum, length) => sum + length, held.ahead ?? 0) };
  }

  async purge(queue: string, what: { readonly ready: boolean; readonly delayed: boolean }): Promise<number> {
    const { keys } = this.#context;
    keys.checkQueue(queue);
    let total = 0;
    if (what.ready) {
      const own = [keys.due(queue), keys.calls(queue), keys.fair(queue), keys.turns(queue)];
      const names = [keys.unacked, ...own, ...keys.lists(queue)];
      total += Number(await this.#context.ask(() => this.#context.run(purgeReadyScript, names, [])));
    }
    if (!what.delayed) return total;
    for (;;) {
      const names = [keys.unacked, keys.index, keys.due(queue), keys.calls(queue)];
      const slice = Number(
        await this.#context.ask(() => this.#context.run(purgeDelayedScript, names, [String(purgeSlice)])),
      );
      total += slice;
      if (slice < purgeSlice) return total;
    }
  }

  async requeue(queue: string, ids: readonly string[], to: RequeueTo): Promise<readonly (Held["state"] | undefined)[]> {
    const states = await new Requeue(this.#context, queue, ids, to).run();
    return ids.map((id) => states.get(id));
  }

  async pause(queue: string): Promise<void> {
    this.#context.keys.checkQueue(queue);
    await this.#control(`pause:${queue}`, "1");
  }

  async resume(queue: string): Promise<void> {
    await this.#control(`pause:${queue}`, "");
    const { keys } = this.#context;
    await this.#context.ask(() => this.#context.run(ringScript, [keys.unacked, keys.bell(queue)], []));
  }

  async #control(field: string, value: string): Promise<void> {
    const { keys } = this.#context;
    await this.#context.ask(() => this.#context.run(controlScript, [keys.unacked, keys.control], [field, value]));
  }
}

/** A cheap look at the bytes first: most messages are others'. */
function isTask(raw: Uint8Array, id: string): boolean {
  if (!Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).includes(JSON.stringify(id))) return false;
  const message = decodeEnvelope(raw);
  return !("malformed" in message) && message.headers["id"] === id;
}
