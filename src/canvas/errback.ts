/** Who is told that a workflow as a whole failed, before any of it ran. */

import type { Signature } from "../wire/signature.ts";
import { chordParts, listOf, partsOf, shapeOf } from "./composite.ts";

/** The error callbacks of a chord's body, which never ran: its own, or those of what it begins with. */
export function errbacksOf(signature: Signature): readonly Signature[] {
  const own = listOf(signature.options["link_error"]);
  switch (shapeOf(signature)) {
    case "chain": {
      const [first] = partsOf(signature);
      return own.length > 0 || first === undefined ? own : errbacksOf(first);
    }
    case "group":
      return [...own, ...partsOf(signature).flatMap((part) => errbacksOf(part))];
    case "chord":
      return [...own, ...errbacksOf(chordParts(signature).body)];
    default:
      return own;
  }
}
