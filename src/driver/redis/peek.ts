/** Peeks at the right end of one list with BLMOVE, on a connection of its own: takes nothing, and sees what producers that ring no bell have sent. */

import type { Millis } from "../../port/units.ts";
import type { Context } from "./context.ts";
import { ServerRefusal } from "./failure.ts";
import type { Link } from "./link.ts";
import { rest } from "./pulse.ts";

/** Between two looks where waiting is refused (memory used up), and the shortest pause after what was found and not taken. */
const slowPoll: Millis = 50;
/**
 * Until the next look after what a bell had told of already: its producers ring, and for the next message they will too. Looks bring
 * the message along, so it is longer after a large one. What rings no bell waits as long, once.
 */
const announcedPause: Millis = 10;
const bytesPerMs = 10_000;

/** `taken`: there was some; `announced`: what was seen came by a claim that was on its way; `nothing`: it is another's. */
export type Woken = "taken" | "announced" | "nothing";

export class Peek {
  readonly #closing = new AbortController();
  readonly #context: Context;
  readonly #link: Link;

  constructor(context: Context, queue: string, wake: (seen: Buffer | undefined) => Promise<Woken>) {
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

  async #run(list: string, wake: (seen: Buffer | undefined) => Promise<Woken>): Promise<void> {
    const { signal } = this.#closing;
    let pause = slowPoll;
    while (!signal.aborted) {
      const look = await this.#look(list).catch((error: unknown) =>
        error instanceof ServerRefusal ? "refused" : "broken",
      );
      if (signal.aborted) return;
      if (look === "quiet") continue;
      const found = typeof look === "object";
      const woken = found ? await wake(look.seen) : "nothing";
      // Found and not taken: another was faster, or the queue is paused.
      pause = woken === "nothing" ? Math.min(pause * 2, 1000) : slowPoll;
      if (woken === "taken") continue;
      const size = found ? (look.seen?.length ?? 0) : 0;
      const announced = Math.min(1000, Math.max(announcedPause, size / bytesPerMs));
      await rest(
        this.#context.clock,
        woken === "announced" ? announced : look === "refused" ? slowPoll : pause / 2,
        signal,
      );
    }
  }

  async #look(list: string): Promise<{ readonly seen: Buffer | undefined } | "quiet"> {
    await this.#link.ready(this.#closing.signal);
    const seconds = 5;
    try {
      const timeout = seconds * 1000 + this.#context.timeout;
      const reply = await this.#link.call("BLMOVE", [list, list, "RIGHT", "RIGHT", String(seconds)], {
        timeout,
        binary: true,
      });
      return reply === null ? "quiet" : { seen: reply as Buffer };
    } catch (error) {
      if (!(error instanceof ServerRefusal && error.word === "OOM")) throw error;
      await rest(this.#context.clock, slowPoll, this.#closing.signal);
      return (await this.#link.call("LLEN", [list])) === 0 ? "quiet" : { seen: undefined };
    }
  }
}
