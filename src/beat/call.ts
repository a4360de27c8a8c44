/** From a stored call to the messages of one tick: the one place that knows how. Every id follows from the tick. */

import { hostname } from "node:os";
import type { AppCore } from "../app/core.ts";
import { sharedWithPython } from "../app/connect.ts";
import { type Draft, draftOf, outgoingOf } from "../app/draft.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Outgoing } from "../port/broker.ts";
import { type AnySignature, Signature } from "../task/signature.ts";
import { readSignature, type Signature as WireSignature } from "../wire/signature.ts";

/** What one start of a call sends. */
export interface Call {
  /** The id its result is found by. */
  readonly id: string;
  readonly sends: readonly Outgoing[];
}

/** `newId` gives the same id for the same role. Throws what makes a message impossible: NOT_SERIALIZABLE, MESSAGE_TOO_LARGE… */
export function callOf(core: AppCore, signature: WireSignature, newId: (role: string) => string): Call {
  const { config, registry } = core;
  const id = newId("");
  const draft = drafted(core, signature, id);
  const { maxMessageBytes, compression, compressOver } = config;
  const held = !sharedWithPython(config.broker) || registry.get(signature.task)?.handler !== undefined;
  const origin = `gen${String(process.pid)}@${hostname()}`;
  const sending = { origin, maxMessageBytes, compression, compressOver, replyTo: undefined, held };
  return { id, sends: [outgoingOf({ ...draft, nonce: id }, sending)] };
}

/** Sends it now; resolves with the id its result is found by. Rejects as `enqueue` does. */
export async function startCall(core: AppCore, signature: WireSignature): Promise<string> {
  const draft = drafted(core, signature, undefined);
  await core.sendDrafts([draft]);
  return draft.id;
}

function drafted(core: AppCore, signature: WireSignature, id: string | undefined): Draft {
  if (signature.subtask_type !== null) {
    const text = `"${signature.task}" cannot be sent by a schedule; make it a task that starts it.`;
    throw new CeleriacError("NOT_SUPPORTED", text);
  }
  const { task, args, kwargs, options } = signature;
  const ms = (name: string): number | undefined => {
    const value = options[name];
    return typeof value === "number" ? value * 1_000 : undefined;
  };
  const call = {
    id,
    queue: options["queue"] as string | undefined,
    priority: options["priority"] as number | undefined,
    delay: ms("countdown"),
    expires: ms("expires"),
    timeLimit: ms("time_limit"),
    softTimeLimit: ms("soft_time_limit"),
    ignoreResult: options["ignore_result"] as boolean | undefined,
    headers: options["headers"] as Readonly<Record<string, unknown>> | undefined,
    link: linked(options["link"]),
    linkError: linked(options["link_error"]),
  };
  return draftOf({ task, args, kwargs, options: call }, core.config, core.clock, undefined);
}

function linked(value: unknown): readonly AnySignature[] | undefined {
  if (value === undefined || value === null) return undefined;
  return (Array.isArray(value) ? value : [value]).map((one: unknown) => {
    const { task, args, kwargs, options, immutable } = readSignature(one);
    return new Signature({
      task,
      args,
      kwargs,
      immutable,
      options: { queue: options["queue"] as string },
      links: linked(options["link"]) ?? [],
      errorLinks: linked(options["link_error"]) ?? [],
    });
  });
}
