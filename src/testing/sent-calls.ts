/** What was sent while an app is under test, read back from the messages as a worker reads them. */

import type { AppCore } from "../app/core.ts";
import type { HeldMessage } from "../driver/memory/held-message.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { bindInput, type CallArguments } from "../task/input.ts";
import { secretHeader, wrapSecrets } from "../wire/cover.ts";
import { openBody } from "../wire/content.ts";
import { decodeCall, splitTaskBody } from "../wire/task-body.ts";
import { readTaskHeaders } from "../wire/task-message.ts";

/**
 * One call that was sent.
 *
 * @example
 * ```ts
 * const [call] = test.calls(sendReceipt);
 * console.log(call?.queue, call?.due?.getTime());
 * ```
 */
export interface SentCall<I = unknown> {
  readonly task: string;
  readonly id: string;
  /** As the worker gets it, before a schema has made something of it. */
  readonly input: I;
  readonly queue: string;
  /** On the test's clock. */
  readonly sentAt: Date;
  /** Not before; `undefined`: at once. */
  readonly due: Date | undefined;
  /** Not after; `undefined`: whenever. */
  readonly expires: Date | undefined;
  /** 0 to 9. */
  readonly priority: number;
  /** Own headers, without Celery's and this library's. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Id of the task that sent it; `undefined`: none did. */
  readonly parent: string | undefined;
}

export class SentCalls {
  readonly #messages: { readonly held: HeldMessage; readonly due: number | undefined }[] = [];

  add(held: HeldMessage): void {
    // `due` goes when its time has come.
    this.#messages.push({ held, due: held.due });
  }

  /** Of one task, or of all; in the order they were sent. */
  list(name: string | undefined, app: Pick<AppCore, "config" | "registry">): readonly SentCall[] {
    return this.#messages
      .filter(({ held }) => held.task !== undefined && (name === undefined || held.task === name))
      .map(({ held, due }) => callOf(held, due, app));
  }

  clear(): void {
    this.#messages.length = 0;
  }
}

function callOf(
  held: HeldMessage,
  due: number | undefined,
  { config, registry }: Pick<AppCore, "config" | "registry">,
): SentCall {
  const message = held.decode();
  if ("malformed" in message) throw new Error(message.reason); // the server encoded it itself
  const headers = readTaskHeaders(message);
  const { call } = splitTaskBody(openBody(message, headers.compression, config.maxMessageBytes));
  const given = decodeCall(call);
  const secrets = message.headers[secretHeader];
  const whole: CallArguments = Array.isArray(secrets) ? wrapSecrets(given, secrets as string[]) : given;
  return {
    task: headers.task,
    id: headers.id,
    input: inputOf(registry.get(headers.task), whole),
    queue: held.queue,
    sentAt: new Date(held.since),
    due: momentOf(due ?? headers.eta),
    expires: momentOf(headers.expires),
    priority: held.priority,
    headers: headers.custom,
    parent: headers.parentId,
  };
}

/** The list of arguments for what is only declared: so its callers give them. */
function inputOf(definition: TaskDefinition | undefined, { args, kwargs }: CallArguments): unknown {
  if (definition?.handler === undefined) return Object.keys(kwargs).length === 0 ? args : [...args, kwargs];
  return bindInput(definition, args, kwargs);
}

function momentOf(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
