/** A task's `redact`: which parts of its input nobody is to see, as paths or as a function that names them, turned into pointers. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { everything, pointerOf, redactHeader } from "../wire/cover.ts";
import type { CallArguments } from "./input.ts";

/**
 * Parts of a task's input that are shown as `***`, by paths or by a function that gives the paths for one call. A path is the names on the
 * way, with dots: `"card.number"`, `"users.*.token"` for every member, `"*"` for all of the input. A number in front is a position: `"0.key"`.
 *
 * @example
 * ```ts
 * import type { Redact } from "celeriac";
 * const redact: Redact = ({ kwargs }) => Object.keys(kwargs).filter((name) => name.endsWith("_token"));
 * app.task("partner.notify", { redact }, async (input: Record<string, string>) => Object.keys(input));
 * app.task("card.pay", { redact: ["card.number"] }, async (input: { card: { number: string } }) => input.card.number.length);
 * ```
 */
export type Redact = readonly string[] | ((call: CallArguments) => readonly string[]);

/** {@link Redact}, resolved: pointers for one call. Never throws: a function that fails, or gives no paths, covers everything. */
export type RedactRule = (call: CallArguments) => readonly string[];

/** One more header on each message of the task; the limit keeps it small. */
const mostPaths = 50;

/** Throws CONFIG_INVALID. `positional`: the names of positions, in order. */
export function resolveRedact(redact: Redact, positional: readonly string[], where: string): RedactRule {
  if (typeof redact === "function") {
    return (call) => {
      try {
        return pointersOf(redact(call), positional) ?? everything;
      } catch {
        return everything;
      }
    };
  }
  const pointers = pointersOf(redact, positional);
  if (pointers === undefined) {
    throw new CeleriacError(
      "CONFIG_INVALID",
      `${where}: redact must be a list of at most ${String(mostPaths)} paths, such as ["card.number", "users.*.token"], or a function that gives one.`,
    );
  }
  return () => pointers;
}

function pointersOf(paths: unknown, positional: readonly string[]): readonly string[] | undefined {
  if (!Array.isArray(paths) || paths.length > mostPaths) return undefined;
  const pointers = new Set<string>();
  for (const path of paths as unknown[]) {
    if (typeof path !== "string" || path === "") return undefined;
    const [first = "", ...rest] = path.split(".");
    if (first === "" || rest.includes("")) return undefined;
    if (/^\d+$/.test(first)) {
      pointers.add(pointerOf(["args", Number(first), ...rest]));
      continue;
    }
    // A keyword; or a member of the one positional argument, as what ran before in a chain gives it.
    pointers.add(pointerOf(["kwargs", first, ...rest]));
    if (first === "*") pointers.add(pointerOf(["args", "*", ...rest]));
    else pointers.add(pointerOf(["args", 0, first, ...rest]));
    const place = positional.indexOf(first);
    if (place !== -1) pointers.add(pointerOf(["args", place, ...rest]));
  }
  return [...pointers];
}

/** The headers of a call of this task. `late`: something may come in front of its arguments, of which a function knows nothing yet. */
export function withRedaction(
  rule: RedactRule | undefined,
  call: CallArguments,
  headers: Readonly<Record<string, unknown>> | undefined,
  late = false,
): Readonly<Record<string, unknown>> | undefined {
  if (rule === undefined) return headers;
  const pointers = rule(call);
  return { ...headers, [redactHeader]: late && !pointers.includes("/args/0") ? [...pointers, "/args/0"] : pointers };
}
