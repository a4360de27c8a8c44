/**
 * The answers that a channel still owes. RabbitMQ answers in the order of the calls, but for `basic.consume` and `basic.cancel`, which
 * their queue answers when it comes to it: those are known by their tag. An answer that does not come in time ends the connection, since
 * nobody could tell a late one from the next one's.
 */

import type { Clock } from "../../../clock/clock.ts";
import type { Millis } from "../../../port/units.ts";
import type { ByteReader } from "./byte-reader.ts";
import { ConnectionError } from "./client.ts";
import { method, methodName } from "./method.ts";

interface Expected {
  readonly request: number;
  readonly tag: string | undefined;
  readonly accept: (id: number, bytes: ByteReader) => void;
  readonly reject: (error: Error) => void;
  readonly limit: Disposable;
}

/** What it returns is what the caller gets. */
export type Read<T> = (bytes: ByteReader, id: number) => T | Promise<T>;

export interface AnswerSettings {
  readonly clock: Clock;
  readonly timeout: Millis;
  /** Ends the connection. */
  readonly late: (error: ConnectionError) => void;
}

export class Answers {
  readonly #settings: AnswerSettings;
  #expected: Expected[] = [];

  constructor(settings: AnswerSettings) {
    this.#settings = settings;
  }

  /** Resolves with what `read` makes of the answer to the method `request`; its number is the next one, as all of AMQP's are. */
  expect<T>(request: number, read: Read<T>, tag?: string): Promise<T> {
    const { clock, timeout, late } = this.#settings;
    return new Promise<T>((resolve, reject) => {
      const expected: Expected = {
        request,
        tag,
        accept: (id, bytes) => {
          try {
            resolve(read(bytes, id));
          } catch (error) {
            reject(error as Error);
            throw error;
          }
        },
        reject,
        // After a pause of this process the answer may lie in the socket: it is read before the second look.
        limit: clock.after(timeout, () =>
          setImmediate(() => {
            if (this.#expected.includes(expected))
              late(new ConnectionError(0, `the server didn't answer ${methodName(request)} within ${timeout} ms`));
          }),
        ),
      };
      this.#expected.push(expected);
    });
  }

  take(id: number, bytes: ByteReader): void {
    const tag = id === method.basicConsumeOk || id === method.basicCancelOk ? bytes.shortString() : undefined;
    const at = this.#expected.findIndex((each) => answers(id, each.request) && each.tag === tag);
    if (at < 0) throw new ConnectionError(503, `command invalid: ${methodName(id)} came, which nobody asked for`);
    const expected = this.#expected.splice(at, 1)[0]!;
    expected.limit[Symbol.dispose]();
    expected.accept(id, bytes);
  }

  /** What was asked before `request` is not answered any more. */
  rejectBefore(request: number, error: Error): void {
    const at = this.#expected.findIndex((expected) => expected.request === request);
    const kept = this.#expected.splice(at);
    this.rejectAll(error);
    this.#expected = kept;
  }

  rejectAll(error: Error): void {
    const all = this.#expected;
    this.#expected = [];
    for (const { limit, reject } of all) {
      limit[Symbol.dispose]();
      reject(error);
    }
  }
}

function answers(id: number, request: number): boolean {
  return id === request + 1 || (id === method.basicGetEmpty && request === method.basicGet);
}
