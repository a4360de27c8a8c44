/**
 * Celery's `result_extended`: what was called, with what and by whom, inside the stored result. Added to what is stored anyway; where a
 * message cannot be read, its result stays as it is.
 */

import type { ResultWrite } from "../port/result-store.ts";
import { coverCall, pointersIn } from "../wire/cover.ts";
import { openBody } from "../wire/content.ts";
import type { Message } from "../wire/message.ts";
import { extendTaskMeta } from "../wire/outcome.ts";
import { decodeCall, splitTaskBody } from "../wire/task-body.ts";
import { readTaskHeaders, type TaskHeaders } from "../wire/task-message.ts";
import { isEmpty } from "./call.ts";
import { pointersOf } from "./covering.ts";
import type { Execution } from "./execution.ts";
import type { Entry } from "./settler.ts";

export class ExtendedResults {
  readonly #worker: string;
  readonly #maxMessageBytes: number;

  constructor(worker: string, maxMessageBytes: number) {
    this.#worker = worker;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** For a result of this execution. */
  write(execution: Execution, write: ResultWrite): ResultWrite {
    const { headers, call, delivery } = execution;
    return this.#extended(headers, call, delivery.queue, write, pointersOf(execution));
  }

  /** For a settlement; results of other ids (steps of a chain that will not run) have no call to tell of. */
  entry(entry: Entry): Entry {
    const { ending, execution } = entry;
    const { settlement } = ending;
    const { delivery, result } = settlement;
    if (result === undefined || "malformed" in delivery.message) return entry;
    const extended = execution ? this.write(execution, result) : this.#unrun(delivery.message, delivery.queue, result);
    return { ...entry, ending: { ...ending, settlement: { ...settlement, result: extended } } };
  }

  /** What intake ended, such as a call that came too late. */
  #unrun(message: Message, queue: string, write: ResultWrite): ResultWrite {
    try {
      const headers = readTaskHeaders(message);
      const { call } = splitTaskBody(openBody(message, headers.compression, this.#maxMessageBytes));
      return this.#extended(headers, call, queue, write, pointersIn(message.headers));
    } catch {
      return write;
    }
  }

  #extended(
    headers: TaskHeaders,
    call: Uint8Array,
    queue: string,
    write: ResultWrite,
    covered: readonly string[],
  ): ResultWrite {
    try {
      const { args, kwargs } = coverCall(decodeCall(call), covered);
      const { task: name, retries, stamps } = headers;
      const stamped = isEmpty(stamps) ? {} : { ...stamps, stamped_headers: Object.keys(stamps) };
      // Celery lays stamps beside the rest too; here none takes the place of another member.
      const more = { ...stamped, name, args, kwargs, worker: this.#worker, retries, queue };
      return { ...write, text: undefined, meta: extendTaskMeta(write.meta, write.id, more) };
    } catch {
      // The call itself is what cannot be read; the result says so.
      return write;
    }
  }
}
