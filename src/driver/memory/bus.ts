/** The bus port over a server in this process. */

import type { Bus, Channel, Subscription } from "../../port/bus.ts";
import type { Message } from "../../wire/message.ts";
import type { MemoryServer } from "./server.ts";
import type { Session } from "./session.ts";

export class MemoryBus implements Bus {
  readonly #server: MemoryServer;
  readonly #session: Session;
  readonly #open = new Set<Disposable>();

  constructor(server: MemoryServer, session: Session) {
    this.#server = server;
    this.#session = session;
  }

  async publish(channel: Channel, message: Message): Promise<void> {
    this.#session.ensureOpen();
    this.#server.events.publish(channel, message);
  }

  async listen(
    channel: Channel,
    take: (channel: Channel, message: Message) => void,
    gap: (missed: number | undefined) => void,
  ): Promise<Subscription> {
    this.#session.ensureOpen();
    const listening = this.#server.events.listen({ channel, take, gap });
    this.#open.add(listening);
    return {
      close: async () => {
        this.#open.delete(listening);
        listening[Symbol.dispose]();
      },
    };
  }

  async inbox(take: (message: Message) => void): Promise<Subscription & { readonly to: string }> {
    const to = crypto.randomUUID();
    // An answer that was pushed out of a full inbox is one that comes too late: whoever waits for it has a time-out.
    const subscription = await this.listen(
      { kind: "reply", to },
      (_, message) => take(message),
      () => {},
    );
    return { ...subscription, to };
  }

  audience(channel: Channel): boolean {
    return this.#server.events.hasAudience(channel);
  }

  close(): void {
    for (const listening of this.#open) listening[Symbol.dispose]();
    this.#open.clear();
  }
}
