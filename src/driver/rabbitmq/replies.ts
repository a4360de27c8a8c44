/** Results as Celery's `rpc://` sends them: to the asker's own queue, which nobody but he reads and which goes with him. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Subscription } from "../../port/bus.ts";
import type { Replies, Reply } from "../../port/replies.ts";
import type { Message } from "../../wire/message.ts";
import { transient } from "./bus.ts";
import type { Context } from "./context.ts";
import { Listening } from "./listening.ts";
import type { Publisher } from "./publisher.ts";

/** Celery's `result_expires`. */
const addressLife = 86_400_000;

export class RabbitReplies implements Replies {
  readonly #context: Context;
  readonly #publisher: Publisher;

  constructor(context: Context, publisher: Publisher) {
    this.#context = context;
    this.#publisher = publisher;
  }

  async listen(address: string, take: (message: Message) => void): Promise<Subscription> {
    const options = transient(this.#context.major, { "x-expires": addressLife });
    // What was on its way when the connection broke is lost, as with Celery; what is sent from then on waits until it is heard again.
    const listening = await Listening.open(
      this.#context,
      { queue: address, options },
      (message) => take(message),
      () => undefined,
    );
    const forget = this.#context.hearsAt(address, listening);
    return {
      close: async () => {
        forget();
        await listening.close();
      },
    };
  }

  async send(batch: readonly Reply[], signal: AbortSignal): Promise<void> {
    this.#context.ensureOpen();
    const parcels = batch.map(({ to, message }) => this.#context.packer.packReply(to, message));
    const answers = await this.#publisher.send(parcels, signal);
    const refused = answers.find((answer) => answer.kind === "refused");
    if (refused?.kind === "refused")
      throw new CeleriacError("QUEUE_FULL", `an answer was not taken: ${refused.detail}; it may be sent again.`);
  }
}
