/** Answers on their way to the callers: those of an open transaction are kept until it is committed, and dropped if it fails. */

import type { Answers, Notice } from "./exchange.ts";
import { pack } from "./failure.ts";
import type { Failure } from "./failure.ts";

export type PostAnswers = (answers: Answers, transfer: ArrayBuffer[]) => void;

export class Outbox {
  readonly #path: string;
  readonly #post: PostAnswers;
  #kept: (readonly [number, unknown])[] = [];
  #keptPlain: number[] = [];
  #keptNotices: Notice[] = [];
  #plain: number[] = [];
  #done: (readonly [number, unknown])[] = [];
  #failed: (readonly [number, Failure])[] = [];
  #notices: Notice[] = [];
  #soon = false;

  constructor(path: string, post: PostAnswers) {
    this.#path = path;
    this.#post = post;
  }

  keep(call: number, value: unknown): void {
    if (call < 0) return;
    if (value === 0) this.#keptPlain.push(call);
    else this.#kept.push([call, value]);
  }

  keepNotice(notice: Notice): void {
    this.#keptNotices.push(notice);
  }

  release(): void {
    if (this.#keptPlain.length > 0) {
      this.#plain = this.#plain.length === 0 ? this.#keptPlain : [...this.#plain, ...this.#keptPlain];
      this.#keptPlain = [];
    }
    if (this.#kept.length > 0) {
      this.#done = this.#done.length === 0 ? this.#kept : [...this.#done, ...this.#kept];
      this.#kept = [];
    }
    if (this.#keptNotices.length > 0) {
      this.#notices.push(...this.#keptNotices);
      this.#keptNotices = [];
    }
  }

  discard(): void {
    this.#kept = [];
    this.#keptPlain = [];
    this.#keptNotices = [];
  }

  answer(call: number, value: unknown): void {
    this.#done.push([call, value]);
  }

  fail(call: number, error: unknown): void {
    if (call >= 0) this.#failed.push([call, pack(error, this.#path)]);
  }

  notice(notice: Notice): void {
    this.#notices.push(notice);
  }

  flush(): void {
    if (this.#plain.length + this.#done.length + this.#failed.length + this.#notices.length === 0) return;
    const answers: Answers = { plain: this.#plain, done: this.#done, failed: this.#failed, notices: this.#notices };
    this.#plain = [];
    this.#done = [];
    this.#failed = [];
    this.#notices = [];
    const transfer: ArrayBuffer[] = [];
    for (const notice of answers.notices) {
      if (notice.n !== "claimed") continue;
      // What is small enough to lie in one buffer is copied faster than handed over.
      const { bytes } = notice.claimed;
      if (!(bytes instanceof Uint8Array)) for (const piece of bytes) transfer.push(piece.buffer);
    }
    this.#post(answers, transfer);
  }

  /** For what is said outside of a turn. */
  flushSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    setImmediate(() => {
      this.#soon = false;
      this.flush();
    });
  }
}
