/** The server's broadcasts: each listener has a bounded buffer of its own; who is too slow is told how many it missed. */

import type { Channel } from "../../port/bus.ts";
import type { Message } from "../../wire/message.ts";

/** Messages a listener may be behind within one turn of the loop. */
export const listenerBuffer = 1_000;

export interface Listener {
  readonly channel: Channel;
  readonly take: (channel: Channel, message: Message) => void;
  readonly gap: (missed: number) => void;
}

interface Listening {
  readonly listener: Listener;
  waiting: { readonly channel: Channel; readonly message: Message }[];
  missed: number;
  woken: boolean;
}

export class EventHub {
  readonly #listening = new Set<Listening>();

  listen(listener: Listener): Disposable {
    const listening: Listening = { listener, waiting: [], missed: 0, woken: false };
    this.#listening.add(listening);
    return {
      [Symbol.dispose]: () => {
        this.#listening.delete(listening);
        listening.waiting = [];
        listening.missed = 0;
      },
    };
  }

  hasAudience(channel: Channel): boolean {
    return [...this.#listening].some(({ listener }) => hears(listener.channel, channel));
  }

  publish(channel: Channel, message: Message): void {
    let kept: Message | undefined;
    for (const listening of this.#listening) {
      if (!hears(listening.listener.channel, channel)) continue;
      // Whoever published may write over the body.
      kept ??= { ...message, body: Uint8Array.from(message.body) };
      listening.waiting.push({ channel, message: kept });
      if (listening.waiting.length > listenerBuffer) {
        listening.waiting.shift();
        listening.missed += 1;
      }
      if (listening.woken) continue;
      listening.woken = true;
      queueMicrotask(() => this.#deliver(listening));
    }
  }

  #deliver(listening: Listening): void {
    const { waiting, missed, listener } = listening;
    listening.woken = false;
    listening.waiting = [];
    listening.missed = 0;
    if (missed > 0) apart(() => listener.gap(missed));
    for (const { channel, message } of waiting) apart(() => listener.take(channel, message));
  }
}

/** A listener's own fault reaches neither the other listeners nor whoever published; to report it is the listener's affair. */
function apart(call: () => void): void {
  try {
    call();
  } catch {
    return;
  }
}

function hears(pattern: Channel, channel: Channel): boolean {
  if (pattern.kind === "event")
    return channel.kind === "event" && matches(pattern.type.split("."), channel.type.split("."));
  if (pattern.kind === "control") return channel.kind === "control" && channel.namespace === pattern.namespace;
  return channel.kind === "reply" && channel.to === pattern.to;
}

/** AMQP's topics: `*` is one word, `#` any number of them, none included. */
function matches(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === "#") return matches(rest, words) || (words.length > 0 && matches(pattern, words.slice(1)));
  return words.length > 0 && (first === "*" || first === words[0]) && matches(rest, words.slice(1));
}
