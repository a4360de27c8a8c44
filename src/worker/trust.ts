/** Did somebody with a key send this? Asked before anything of a message is read but its bytes. */

import { openBody } from "../wire/content.ts";
import type { Message } from "../wire/message.ts";
import { readSeal } from "../wire/signing.ts";
import { splitTaskBody } from "../wire/task-body.ts";
import type { SignatureRules } from "./unrun.ts";

/**
 * Why it is not taken; `undefined` if it is. Unsigned, from a queue that takes such, it may be a call and no more: what follows it would be
 * sent by this worker, signed, to whichever queue it names.
 */
export function unsignedBy(
  { keys, acceptUnsigned }: SignatureRules,
  queue: string,
  message: Message,
  maxMessageBytes: number,
): string | undefined {
  const seal = readSeal(message, { kind: "task", queue }, { keys });
  if (seal.kind === "signed") return undefined;
  if (seal.kind === "wrong" || !acceptUnsigned.has(queue)) return seal.why;
  return bringsMore(message, maxMessageBytes) ? `${seal.why}, and brings more than a call` : undefined;
}

/** What cannot be read brings nothing; it is refused for that a moment later. */
function bringsMore(message: Message, maxMessageBytes: number): boolean {
  try {
    const compression = message.headers["compression"];
    const body = openBody(message, typeof compression === "string" ? compression : undefined, maxMessageBytes);
    const { callbacks, errbacks, chain, chord } = splitTaskBody(body).embed;
    return [callbacks, errbacks, chain].some((list) => (list?.length ?? 0) > 0) || Boolean(chord);
  } catch {
    return false;
  }
}
