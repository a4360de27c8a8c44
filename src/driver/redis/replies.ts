/**
 * Results over the broker as kombu has them on Redis: each is pushed on the list that bears the asker's address. Sent again where it is
 * unclear whether it came, so an answer can come twice; a list that nobody reads is gone after a day.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Subscription } from "../../port/bus.ts";
import type { Replies, Reply } from "../../port/replies.ts";
import type { Millis } from "../../port/units.ts";
import { encodeEnvelope } from "../../wire/envelope.ts";
import type { Message } from "../../wire/message.ts";
import type { Context } from "./context.ts";
import { readList } from "./list-reader.ts";
import { mostBytes, mostItems } from "./script/script.ts";
import { replyScript } from "./script/reply.ts";

/** Celery's own `result_expires`. */
const life: Millis = 86_400_000;

export class RedisReplies implements Replies {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  async listen(address: string, take: (message: Message) => void): Promise<Subscription> {
    this.#context.keys.checkQueue(address);
    const list = this.#list(address);
    const reading = await readList(this.#context, list, take);
    return {
      close: async () => {
        await reading.close();
        await this.#context.command("DEL", [list]).catch(() => undefined);
      },
    };
  }

  async send(batch: readonly Reply[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { keys } = this.#context;
    const ready = batch.flatMap(({ to, message }) => {
      if (!this.#mayBeAsker(to)) return [];
      return [{ list: this.#list(to), raw: encodeEnvelope(message, to, crypto.randomUUID()) }];
    });
    for (let at = 0; at < ready.length;) {
      const names = [keys.unacked];
      const args = [String(life)];
      for (let bytes = 0; at < ready.length && names.length <= mostItems; at++) {
        const { list, raw } = ready[at] as (typeof ready)[number];
        bytes += raw.length;
        if (names.length > 1 && bytes > mostBytes) break;
        names.push(list);
        args.push(raw);
      }
      await this.#context.ask(() => this.#context.run(replyScript, names, args), signal);
    }
  }

  #list(address: string): string {
    const { keys } = this.#context;
    return keys.list(address, keys.stepOf(undefined));
  }

  /** Addresses come with the messages of strangers: what can be no queue is nobody's, and no reason to fail. */
  #mayBeAsker(address: string): boolean {
    try {
      this.#context.keys.checkQueue(address);
      return true;
    } catch (error) {
      if (error instanceof CeleriacError && error.code === "NAME_INVALID") return false;
      throw error;
    }
  }
}
