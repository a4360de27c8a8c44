/**
 * The three events that every task has, as JSON without braces: written out, for a busy worker makes tens of thousands a second, and an object for
 * each that is then walked through cost it twice as much.
 */

import { secondsText } from "../event/digits.ts";
import type { TaskHeaders } from "../wire/task-message.ts";
import { formatTimestamp } from "../wire/timestamp.ts";

const untold = '"args":null,"kwargs":null';
/** Names kept with their quotes; they come from others, so not all of them. */
const mostNames = 1_000;
/** What stands between JSON's quotes as it is: ids, numbers, most names. */
const plain = /^[\w.:@()-]*$/;

/** How the last event of a kind ended, and what that was made of: most tasks of a worker differ in little more than their ids. */
interface Ending {
  readonly retries: number;
  readonly queue?: string;
  readonly fence?: number;
  readonly child?: number | undefined;
  readonly text: string;
}

export class EventText {
  /** Of tasks and queues, which are few and come again. */
  readonly #names = new Map<string, string>();
  #received: Ending | undefined;
  #started: Ending | undefined;
  #succeeded: Ending | undefined;

  /** What Celery's own has, in its order, and more. `shown`: its arguments as members of JSON. */
  received(headers: TaskHeaders, shown: string | undefined, queue: string, fence: number): string {
    const { id, task, shadow, rootId } = headers;
    const uuid = quoted(id);
    const root = rootId === id ? uuid : optional(rootId);
    return `"uuid":${uuid},"name":${this.#name(shadow ?? task)},${shown ?? untold},"root_id":${root}${this.#receivedEnd(headers, queue, fence)}`;
  }

  started({ id, retries }: TaskHeaders, fence: number, child: number | undefined): string {
    let end = this.#started;
    if (end?.retries !== retries || end.fence !== fence || end.child !== child) {
      const text = flat(`,"attempt":${figure(retries + 1)},"fence":${figure(fence)},"child":${figure(child)}`);
      this.#started = end = { retries, fence, child, text };
    }
    return `"uuid":${quoted(id)}${end.text}`;
  }

  /** `ms`: how long it ran. */
  succeeded({ id, retries }: TaskHeaders, result: string, ms: number, child: number | undefined): string {
    let end = this.#succeeded;
    if (end?.retries !== retries || end.child !== child) {
      const text = flat(`,"attempt":${figure(retries + 1)},"child":${figure(child)}`);
      this.#succeeded = end = { retries, child, text };
    }
    return `"uuid":${quoted(id)},"result":${quoted(result)},"runtime":${secondsText(ms)}${end.text}`;
  }

  #receivedEnd(headers: TaskHeaders, queue: string, fence: number): string {
    const { parentId, retries, eta, expires, group } = headers;
    const usual = parentId === undefined && eta === undefined && expires === undefined && group === undefined;
    const last = this.#received;
    if (usual && last?.retries === retries && last.fence === fence && last.queue === queue) return last.text;
    const text =
      `,"parent_id":${optional(parentId)},"retries":${figure(retries)},"eta":${moment(eta)},` +
      `"expires":${moment(expires)},${group === undefined ? "" : `"group":${optional(group)},`}` +
      `"queue":${this.#name(queue)},"attempt":${figure(retries + 1)},"fence":${figure(fence)}`;
    if (usual) this.#received = { queue, retries, fence, text: flat(text) };
    return text;
  }

  #name(name: string): string {
    let known = this.#names.get(name);
    if (known !== undefined) return known;
    known = JSON.stringify(name);
    if (this.#names.size >= mostNames) this.#names.clear();
    this.#names.set(name, known);
    return known;
  }
}

/** In one piece: what is put together of pieces is walked through piece by piece whenever it is written. */
function flat(text: string): string {
  return Buffer.from(text).toString();
}

function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

function optional(text: string | null | undefined): string {
  return text === undefined || text === null ? "null" : quoted(text);
}

/** JSON has no other numbers. */
function figure(value: number | undefined): string {
  return value !== undefined && Number.isFinite(value) ? String(value) : "null";
}

/** A moment that no date can hold is told as none. */
function moment(ms: number | undefined): string {
  if (ms === undefined) return "null";
  try {
    return JSON.stringify(formatTimestamp(ms));
  } catch {
    return "null";
  }
}
