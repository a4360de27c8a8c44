/** A message's body for people: its call, and the calls that follow it, with what is to be covered covered. For showing, never for sending. */

import { coverCall, type CoveredCall, coverSignatures, pointersIn } from "./cover.ts";
import { parseJson } from "./json.ts";

/** `more`: what the task declares beside what its message says. `undefined` where nothing is covered, or where the body cannot be read. */
export function coveredBody(
  headers: Readonly<Record<string, unknown>>,
  body: Uint8Array,
  more?: (call: CoveredCall) => readonly string[],
): readonly unknown[] | undefined {
  try {
    const whole = parseJson(body);
    if (!Array.isArray(whole)) return undefined;
    const [args, kwargs, ...rest] = whole as readonly unknown[];
    const call = { args, kwargs } as CoveredCall;
    const pointers = [...pointersIn(headers), ...(more?.(call) ?? [])];
    // Calls stand in arguments too: those of a chord's members, and what a task is given to send.
    const following = coverSignatures([args, kwargs, ...rest]) as readonly unknown[];
    if (pointers.length === 0) return following.every((part, index) => part === whole[index]) ? undefined : following;
    const shown = coverCall({ args: following[0], kwargs: following[1] } as CoveredCall, pointers);
    return [shown.args, shown.kwargs, ...following.slice(2)];
  } catch {
    return undefined;
  }
}

/** Headers without the printed arguments: a sender that did not know what is to be covered has printed them whole. */
export function withoutPrinted(headers: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { argsrepr: _args, kwargsrepr: _kwargs, ...rest } = headers;
  return rest;
}
