/** Peeks at the right end of one list with BLMOVE, on a connection of its own: takes nothing, and sees what producers that ring no bell have sent. */

import type { Millis } from "../../port/units.ts";
import type { Context } from "./context.ts";
import { ServerRefusal } from "./failure.ts";
import type { Link } from "./link.ts";
import { rest } from "./pulse.ts";

/** Between two looks where waiting is refused (memory used up), and the shortest pause after what was found and not taken. */
const slowPoll: Millis = 50;

export class Peek {
  readonly #closing = new AbortController();
  readonly #context: Context;
  readonly #link: Link;

  constructor(context: Context, queue: string, wake: () => Promise<boolean>) {
    this.#context = context;
    this.#link = context.newLink();
    this.#link.start();
    const { keys } = context;
    this.#run(keys.list(queue, keys.stepOf(undefined)), wake).catch(() => undefined);
  }

  close(): void {
    this.#closing.abort(new Error("the peek was closed"));
    this.#context.release(this.#link);
  }

  async #run(list: string, wake: () => Promise<boolean>): Promise<void> {
    const { signal } = this.#closing;
    let pause = slowPoll;
    while (!signal.aborted) {
      const found = await this.#look(list).catch((error: unknown) =>
        error instanceof ServerRefusal ? "refused" : "broken",
      );
      if (signal.aborted) return;
      if (found === "quiet") continue;
      // Found and not taken: another was faster, or the queue is paused.
      const taken = found === "found" ? await wake() : false;
      pause = taken ? slowPoll : Math.min(pause * 2, 1000);
      if (!taken) await rest(this.#context.clock, found === "refused" ? slowPoll : pause / 2, signal);
    }
  }

  async #look(list: string): Promise<"found" | "quiet"> {
    await this.#link.ready(this.#closing.signal);
    const seconds = 5;
    try {
      const timeout = seconds * 1000 + this.#context.timeout;
      const reply = await this.#link.call("BLMOVE", [list, list, "RIGHT", "RIGHT", String(seconds)], {
        timeout,
        binary: true,
      });
      return reply === null ? "quiet" : "found";
    } catch (error) {
      if (!(error instanceof ServerRefusal && error.word === "OOM")) throw error;
      await rest(this.#context.clock, slowPoll, this.#closing.signal);
      return (await this.#link.call("LLEN", [list])) === 0 ? "quiet" : "found";
    }
  }
}
