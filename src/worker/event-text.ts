/**
 * The three events that every task has, as JSON without braces: written out, for a busy worker makes tens of thousands a second, and an object for
 * each that is then walked through cost it twice as much.
 */

import type { TaskHeaders } from "../wire/task-message.ts";
import { formatTimestamp } from "../wire/timestamp.ts";

const untold = '"args":null,"kwargs":null';
/** Names kept with their quotes; they come from others, so not all of them. */
const mostNames = 1_000;

export class EventText {
  /** Of tasks and queues, which are few and come again. */
  readonly #names = new Map<string, string>();

  /** What Celery's own has, in its order, and more. `shown`: its arguments as members of JSON. */
  received(headers: TaskHeaders, shown: string | undefined, queue: string, fence: number): string {
    const { id, task, shadow, rootId, parentId, retries, eta, expires, group } = headers;
    const uuid = JSON.stringify(id);
    const root = rootId === id ? uuid : optional(rootId);
    return (
      `"uuid":${uuid},"name":${this.#name(shadow ?? task)},${shown ?? untold},` +
      `"root_id":${root},"parent_id":${optional(parentId)},"retries":${figure(retries)},"eta":${moment(eta)},` +
      `"expires":${moment(expires)},${group === undefined ? "" : `"group":${optional(group)},`}` +
      `"queue":${this.#name(queue)},"attempt":${figure(retries + 1)},"fence":${figure(fence)}`
    );
  }

  started({ id, retries }: TaskHeaders, fence: number, child: number | undefined): string {
    return `"uuid":${JSON.stringify(id)},"attempt":${figure(retries + 1)},"fence":${figure(fence)},"child":${figure(child)}`;
  }

  /** `runtime`: seconds. */
  succeeded({ id, retries }: TaskHeaders, result: string, runtime: number, child: number | undefined): string {
    return (
      `"uuid":${JSON.stringify(id)},"result":${JSON.stringify(result)},"runtime":${figure(runtime)},` +
      `"attempt":${figure(retries + 1)},"child":${figure(child)}`
    );
  }

  #name(name: string): string {
    let quoted = this.#names.get(name);
    if (quoted !== undefined) return quoted;
    quoted = JSON.stringify(name);
    if (this.#names.size >= mostNames) this.#names.clear();
    this.#names.set(name, quoted);
    return quoted;
  }
}

function optional(text: string | null | undefined): string {
  return text === undefined || text === null ? "null" : JSON.stringify(text);
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
