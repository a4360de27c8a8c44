/**
 * What waits for a task, and ends with it when it does not succeed: the rest of its chain, in it chords with their members and bodies,
 * and the chords that the last of these is a member of. Celery (5.6) descends less: of a chord in the rest it fails nothing.
 */

import type { Signature } from "../wire/signature.ts";
import { chordParts, listOf, partsOf, shapeOf } from "./composite.ts";
import { lastId } from "./freeze.ts";

/** A member of a chord that will not run. */
export interface LostMember {
  readonly group: string;
  readonly member: string;
  readonly index: number;
  readonly body: Signature;
}

export interface Waiting {
  /** In the order in which they would have run, each once. */
  readonly ids: readonly string[];
  readonly members: readonly LostMember[];
}

export const nothingWaits: Waiting = { ids: [], members: [] };

/** `rest`: as in a message, last first. */
export function waitingFor(rest: readonly Signature[]): Waiting {
  const ids = new Set<string>();
  const members: LostMember[] = [];
  const add = (signature: Signature): void => {
    const { options } = signature;
    switch (shapeOf(signature)) {
      case "chain":
      case "group":
        for (const part of partsOf(signature)) add(part);
        break;
      case "chord": {
        const { header, body } = chordParts(signature);
        for (const member of partsOf(header)) addIds(member);
        add(body);
        break;
      }
      default: {
        const { task_id: id, group_id: group, group_index: index } = options;
        if (typeof id !== "string") break;
        ids.add(id);
        const [body] = listOf(options["chord"]);
        if (body === undefined || typeof group !== "string") break;
        members.push({ group, member: id, index: typeof index === "number" ? index : Infinity, body });
      }
    }
    for (const after of listOf(options["chain"]).toReversed()) add(after);
  };
  // Members of a chord that is not started: its body, which is added beside them, ends with them.
  const addIds = (signature: Signature): void => {
    if (shapeOf(signature) === "chord") add(chordParts(signature).body);
    else if (shapeOf(signature) !== "task") for (const part of partsOf(signature)) addIds(part);
    const id = signature.options["task_id"];
    if (shapeOf(signature) === "task" && typeof id === "string") ids.add(id);
    for (const after of listOf(signature.options["chain"]).toReversed()) add(after);
  };
  for (const step of rest.toReversed()) {
    try {
      add(step);
    } catch {
      // It comes out of a message. Nobody could have run what nobody can read, and the others must not wait for it.
    }
  }
  return { ids: [...ids], members };
}

/** Under which id the failure of a signature as a whole is stored. */
export function idsIn(signature: Signature): readonly string[] {
  const { ids } = waitingFor([signature]);
  if (ids.length > 0) return ids;
  const last = lastId(signature);
  return last === undefined ? [] : [last];
}
