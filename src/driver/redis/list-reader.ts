/**
 * Reads a list of which this process is the only reader, on a connection of its own. What is read is taken off the list only after its
 * listener had it, so that a broken line loses nothing and may bring something twice.
 */

import type { Subscription } from "../../port/bus.ts";
import { decodeEnvelope } from "../../wire/envelope.ts";
import type { Message } from "../../wire/message.ts";
import type { Context } from "./context.ts";
import { ServerRefusal } from "./failure.ts";
import type { Link } from "./link.ts";
import { rest } from "./pulse.ts";

/** Read at once. */
const most = 100;
/** Longest wait on the server, seconds. */
const patience = 5;
/** After an error, and between two looks where waiting is refused (memory used up). */
const pause = 100;

export async function readList(
  context: Context,
  list: string,
  take: (message: Message) => void,
): Promise<Subscription> {
  const link = context.newLink();
  const closing = new AbortController();
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        await link.ready(closing.signal);
        await readOnce(context, link, list, take, closing.signal);
      } catch {
        await rest(context.clock, pause, closing.signal);
      }
    }
  };
  await link.open(context.closing);
  run().catch(() => undefined);
  return {
    close: () => {
      closing.abort(new Error("the reader was closed"));
      context.release(link);
      return Promise.resolve();
    },
  };
}

async function readOnce(
  context: Context,
  link: Link,
  list: string,
  take: (message: Message) => void,
  signal: AbortSignal,
): Promise<void> {
  const raws = (await link.call("LRANGE", [list, String(-most), "-1"], { binary: true })) as Buffer[];
  if (raws.length === 0) {
    await something(context, link, list);
    return;
  }
  for (const raw of raws.reverse()) {
    const message = decodeEnvelope(raw);
    if (signal.aborted) return;
    if (!("malformed" in message)) contained(() => take(message));
  }
  // Never repeated: what it would take off a second time, nobody has read.
  await link.call("RPOP", [list, String(raws.length)], { binary: true });
}

/** From the right end to the right end: waits without taking. */
async function something(context: Context, link: Link, list: string): Promise<void> {
  try {
    const timeout = patience * 1000 + context.timeout;
    await link.call("BLMOVE", [list, list, "RIGHT", "RIGHT", String(patience)], { timeout, binary: true });
  } catch (error) {
    if (!(error instanceof ServerRefusal && error.word === "OOM")) throw error;
    await rest(context.clock, pause, context.closing);
  }
}

/** A listener's own fault is no reason to stop hearing. */
export function contained(run: () => void): void {
  try {
    run();
  } catch {
    // It had its chance; the next message comes all the same.
  }
}
