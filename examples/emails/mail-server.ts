/**
 * A mail server on this machine that keeps what it gets as .eml files. It can be held, as one that is slow, and it asks for every receipt a second time,
 * as servers do that do not know the sender yet (greylisting).
 */

import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly messageId: string;
}

export class MailServer implements AsyncDisposable {
  readonly mails: Mail[] = [];
  readonly #server: SMTPServer;
  readonly #folder: string;
  readonly #asked = new Set<string>();
  #gate = Promise.withResolvers<void>();
  #deferred = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#gate.resolve();
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS", "AUTH"],
      logger: false,
      onMailFrom: (_address, _session, callback) => void this.#gate.promise.then(() => callback()),
      onData: (stream, session, callback) => {
        const to = session.envelope.rcptTo.map(({ address }) => address).join();
        text(stream)
          .then((mail) => this.#keep(to, mail))
          .then(() => callback(), callback);
      },
    });
    this.#server.on("error", () => {}); // a client that was killed is no trouble of ours
  }

  static async open(folder: string): Promise<MailServer> {
    const mails = new MailServer(folder);
    mails.#server.listen(0, "127.0.0.1");
    await once(mails.#server.server, "listening");
    return mails;
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  /** Times that it said "later". */
  get deferred(): number {
    return this.#deferred;
  }

  /** Takes connections and says nothing until `release`. */
  hold(): void {
    this.#gate = Promise.withResolvers();
  }

  release(): void {
    this.#gate.resolve();
  }

  async #keep(to: string, mail: string): Promise<void> {
    const header = (name: string): string => new RegExp(`^${name}: (.*)$`, "im").exec(mail)?.[1]?.trim() ?? "";
    const messageId = header("message-id");
    const subject = header("subject");
    if (subject.startsWith("Receipt") && !this.#asked.has(messageId)) {
      this.#asked.add(messageId);
      this.#deferred++;
      throw Object.assign(new Error("come again"), { responseCode: 451 });
    }
    this.mails.push({ to, subject, messageId });
    await writeFile(join(this.#folder, `${String(this.mails.length).padStart(4, "0")}.eml`), mail);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
