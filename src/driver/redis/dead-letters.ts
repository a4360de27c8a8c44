/** Dead letters: an index by time, and a text each that the server forgets after 14 days. */

import type { DeadLetter, DeadLetters, Page } from "../../port/queue-admin.ts";
import { decodeEnvelope, spliceMarks } from "../../wire/envelope.ts";
import type { Context } from "./context.ts";
import { readLetter } from "./letter.ts";
import { redriveScript } from "./script/admin.ts";

const mostItems = 200;
/** Letters read at once while looking for those that match. */
const chunk = 100;
/** A page that found too little after so many ends early; its `next` goes on. */
const mostRead = 5000;

type Filter = Parameters<DeadLetters["list"]>[0];

export class RedisDeadLetters implements DeadLetters {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** The latest first. */
  async list(filter: Filter, after: string | undefined, limit: number): Promise<Page<DeadLetter>> {
    const { keys } = this.#context;
    const most = Math.max(1, Math.min(limit, mostItems));
    const items: DeadLetter[] = [];
    let place = after === undefined ? 0 : await this.#placeAfter(after);
    for (let read = 0; read < mostRead;) {
      const range = [keys.dead, String(place), String(place + chunk - 1), "WITHSCORES"];
      const flat = (await this.#context.command("ZREVRANGE", range)) as string[];
      if (flat.length === 0) return { items, next: undefined };
      const names = flat.filter((_, index) => index % 2 === 0);
      const texts = (await this.#context.command("MGET", names)) as (string | null)[];
      const expired = names.filter((_, index) => texts[index] === null);
      for (const [index, name] of names.entries()) {
        const letter = readLetter(texts[index] ?? "");
        if (letter === undefined || !matches(filter, letter)) continue;
        items.push(letter);
        if (items.length < most) continue;
        const rest = index < names.length - 1 || names.length === chunk;
        return { items, next: rest ? `${flat[index * 2 + 1]} ${name}` : undefined };
      }
      if (names.length < chunk) return { items, next: undefined };
      read += names.length;
      place += names.length - expired.length;
      if (expired.length > 0) await this.#context.command("ZREM", [keys.dead, ...expired]);
    }
    const last = (await this.#context.command("ZREVRANGE", [
      keys.dead,
      String(place - 1),
      String(place - 1),
      "WITHSCORES",
    ])) as string[];
    return { items, next: last.length === 0 ? undefined : `${last[1]} ${last[0]}` };
  }

  async #placeAfter(after: string): Promise<number> {
    const { dead } = this.#context.keys;
    const space = after.indexOf(" ");
    const score = after.slice(0, space);
    // No cursor of ours: Redis would refuse it as a number.
    if (!/^\d+(?:\.\d+)?(?:e\+\d+)?$/.test(score)) return 0;
    const rank = await this.#context.command("ZREVRANK", [dead, after.slice(space + 1)]);
    if (rank !== null) return Number(rank) + 1;
    return Number(await this.#context.command("ZCOUNT", [dead, `(${score}`, "+inf"]));
  }

  async redrive(keys: readonly string[]): Promise<number> {
    const { keys: names } = this.#context;
    let done = 0;
    for (const key of keys) {
      const name = names.letter(key);
      const letter = readLetter(String(await this.#context.command("GET", [name])));
      if (letter === undefined) continue;
      const raw = Buffer.from(letter.raw);
      const message = decodeEnvelope(raw);
      const malformed = "malformed" in message;
      const step = names.stepOf(malformed ? undefined : message.properties.priority);
      const clean = malformed
        ? raw
        : Buffer.from(spliceMarks(raw.toString("latin1"), { redelivered: false, crashes: 0, suspicions: 0 }), "latin1");
      const scriptKeys = [names.unacked, names.dead, name, names.list(letter.queue, step), names.bell(letter.queue)];
      if (letter.id !== undefined) scriptKeys.push(names.meta(letter.id), names.crash(letter.id));
      // Not repeated blindly: with its answer lost, the letter is gone and the repeat says 0, though it was redriven.
      done += Number(await this.#context.ask(() => this.#context.run(redriveScript, scriptKeys, [clean])));
    }
    return done;
  }

  async drop(keys: readonly string[]): Promise<number> {
    if (keys.length === 0) return 0;
    const names = keys.map((key) => this.#context.keys.letter(key));
    const dropped = Number(await this.#context.command("DEL", names));
    await this.#context.command("ZREM", [this.#context.keys.dead, ...names]);
    return dropped;
  }
}

function matches(filter: Filter, letter: DeadLetter): boolean {
  return (
    (filter.queue === undefined || filter.queue === letter.queue) &&
    (filter.task === undefined || filter.task === letter.task) &&
    (filter.reason === undefined || filter.reason === letter.reason)
  );
}
