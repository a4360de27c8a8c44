/** The bus file as a bus. Messages travel as one piece: the length of the head, the head, the body. */

import type { Clock } from "../../clock/clock.ts";
import type { Bus, Channel, Subscription } from "../../port/bus.ts";
import { decodeHead, encodeHead } from "../../wire/envelope.ts";
import type { Message } from "../../wire/message.ts";
import { channelOf, channelText, hears } from "./channel.ts";
import type { Link, NoticeOf } from "./link.ts";

/** How often the list of listeners is read while somebody asks for it, and for how long after the last question. */
const audienceEvery = 1_000;
const audienceFor = 10_000;

interface Listener {
  readonly take: (channel: Channel, message: Message) => void;
  readonly gap: (missed: number | undefined) => void;
}

export class SqliteBus implements Bus {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #listeners = new Map<number, Listener>();
  #count = 0;
  #audience: readonly string[] | undefined;
  #asked = -Infinity;
  #asking: Disposable | undefined;

  constructor(link: Link, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  async publish(channel: Channel, message: Message): Promise<void> {
    const head = Buffer.from(encodeHead(message));
    const whole = new Uint8Array(4 + head.length + message.body.length);
    new DataView(whole.buffer).setUint32(0, head.length);
    whole.set(head, 4);
    whole.set(message.body, 4 + head.length);
    await this.#link.ask("say", { channel: channelText(channel), message: whole });
  }

  async listen(
    channel: Channel,
    take: (channel: Channel, message: Message) => void,
    gap: (missed: number | undefined) => void,
  ): Promise<Subscription> {
    const listener = this.#count++;
    this.#listeners.set(listener, { take, gap });
    const release = this.#link.hold();
    let closing: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      this.#listeners.delete(listener);
      release();
      await this.#link.ask("unlisten", { listener }).catch(() => null);
    };
    try {
      await this.#link.ask("listen", { listener, channel });
    } catch (error) {
      await close();
      throw error;
    }
    return { close: () => (closing ??= close()) };
  }

  async inbox(take: (message: Message) => void): Promise<Subscription & { readonly to: string }> {
    const to = crypto.randomUUID();
    const subscription = await this.listen(
      { kind: "reply", to },
      (_, message) => take(message),
      () => {},
    );
    return { to, close: () => subscription.close() };
  }

  audience(channel: Channel): boolean | "unknown" {
    this.#asked = this.#clock.monotonic();
    if (this.#asking === undefined) {
      this.#asking = this.#clock.every(audienceEvery, () => this.#refresh());
      this.#refresh();
    }
    const text = channelText(channel);
    return this.#audience === undefined ? "unknown" : this.#audience.some((pattern) => hears(pattern, text));
  }

  heard({ listener, gap, messages }: NoticeOf<"heard">): void {
    const known = this.#listeners.get(listener);
    if (known === undefined) return;
    // How many were thrown away is known for all channels together only.
    if (gap) guarded(() => known.gap(undefined));
    for (const [channel, whole] of messages) {
      const message = unwrap(whole);
      if (message !== undefined) guarded(() => known.take(channelOf(channel), message));
    }
    this.#link.tell({ k: "heard", listener });
  }

  ended(): void {
    this.#stopAsking();
    this.#listeners.clear();
  }

  #refresh(): void {
    if (this.#clock.monotonic() - this.#asked > audienceFor) {
      this.#stopAsking();
      return;
    }
    void this.#link.ask("audience", null).then(
      (audience) => {
        this.#audience = audience;
      },
      () => {
        this.#audience = undefined;
      },
    );
  }

  #stopAsking(): void {
    this.#asking?.[Symbol.dispose]();
    this.#asking = undefined;
    this.#audience = undefined;
  }
}

/** `undefined` for what is no message: whoever can write to the file must not be able to stop a listener. */
function unwrap(whole: unknown): Message | undefined {
  if (!(whole instanceof Uint8Array) || whole.length < 4) return undefined;
  const length = new DataView(whole.buffer, whole.byteOffset).getUint32(0);
  const head = Buffer.from(whole.buffer, whole.byteOffset + 4, length).toString();
  const message = decodeHead(head, whole.subarray(4 + length));
  return "malformed" in message ? undefined : message;
}

/** A listener's own fault must not cost the others their events. */
function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}
