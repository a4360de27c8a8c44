/**
 * What a workflow sends now, and the joins it opens: one list of tasks, each with the steps after it and the chord it is a member of.
 * Pure: the same frozen signature gives the same plan, so whoever repeats it repeats it exactly. Producers and workers plan alike.
 */

import type { Signature } from "../wire/signature.ts";
import {
  chainOf,
  checkDepth,
  chordOf,
  chordParts,
  idOf,
  listOf,
  type Options,
  partsOf,
  shapeOf,
  textIn,
  withMore,
} from "./composite.ts";
import { freezeSteps, type Ending, lastId, type NewId, telling } from "./freeze.ts";
import type { ResultNode } from "./result-node.ts";

/** A chord is remembered for so long after its last member's end, as a start is in a ledger. Milliseconds. */
export const joinLife: number = 7 * 86_400_000;

/** A task to send now. */
export interface Step {
  readonly signature: Signature;
  readonly id: string;
  /** JSON put in front of its arguments, unless it is immutable. */
  readonly front: string | undefined;
  /** What follows it in its chain, last first. */
  readonly chain: readonly Signature[];
  /** The body of the chord that it is a member of. */
  readonly chord: Signature | null;
  readonly group: string | undefined;
  readonly groupIndex: number | undefined;
}

/** A chord whose members are among the steps. */
export interface PlannedJoin {
  readonly group: string;
  readonly size: number;
  readonly body: Signature;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly joins: readonly PlannedJoin[];
  /** Where its end will be found; absent for a chain without steps. */
  readonly result: ResultNode | undefined;
}

export interface Planning {
  readonly newId: NewId;
  /** Names this signature among those of one sender. */
  readonly role: string;
  readonly front?: string | undefined;
  /** What follows the signature, last first; frozen. */
  readonly rest?: readonly Signature[] | undefined;
  readonly end?: Ending | undefined;
}

/** Throws MESSAGE_UNDECODABLE for what is no signature. */
export function planOf(signature: Signature, { newId, role, front, rest = [], end }: Planning): Plan {
  const planner = new Planner(newId);
  const frozen = freezeSteps(signature, newId, role, end);
  // A task and a chord have kept theirs.
  const kept = ["task", "chord"].includes(shapeOf(signature));
  const result = planner.chain(frozen, { front, rest: kept ? rest : [...rest, ...chainOption(signature)], role }, 0);
  return { steps: planner.steps, joins: planner.joins, result };
}

interface Place {
  readonly front: string | undefined;
  readonly rest: readonly Signature[];
  readonly role: string;
  readonly group?: string;
  readonly index?: number;
  readonly chord?: Signature;
}

class Planner {
  readonly steps: Step[] = [];
  readonly joins: PlannedJoin[] = [];
  readonly #newId: NewId;

  constructor(newId: NewId) {
    this.#newId = newId;
  }

  /** Frozen steps, of which the first is sent now and the others follow. */
  chain(steps: readonly Signature[], place: Place, depth: number): ResultNode | undefined {
    checkDepth(depth);
    const [first, ...later] = steps;
    if (first === undefined) {
      const next = place.rest.at(-1);
      if (next === undefined) return undefined;
      return this.chain([next], { ...place, rest: place.rest.slice(0, -1) }, depth + 1);
    }
    const last = later.at(-1);
    if (last === undefined) return this.#one(first, place, depth);
    const tail = [...later.slice(0, -1), membered(last, place)];
    const { front, rest, role } = place;
    const started = this.#one(first, { front, rest: [...rest, ...tail.toReversed()], role }, depth);
    return started && followedBy(started, later);
  }

  #one(signature: Signature, place: Place, depth: number): ResultNode | undefined {
    checkDepth(depth);
    const own = chainOption(signature);
    const rest = own.length === 0 ? place.rest : [...place.rest, ...own];
    switch (shapeOf(signature)) {
      case "chain":
        return this.chain(partsOf(signature), { ...place, rest }, depth + 1);
      case "chord":
        return this.#chord(signature, { ...place, rest }, depth);
      case "group": {
        const next = rest.at(-1);
        if (next === undefined) return this.#group(signature, place, depth);
        return this.#chord(chordOf(signature, next), { ...place, rest: rest.slice(0, -1) }, depth);
      }
      default:
        return this.#task(signature, { ...place, rest });
    }
  }

  #task(signature: Signature, { front, rest, role, ...place }: Place): ResultNode {
    const { options } = signature;
    const id = idOf(signature) ?? this.#newId(role);
    this.steps.push({
      signature,
      id,
      front,
      chain: rest,
      chord: place.chord ?? listOf(options["chord"])[0] ?? null,
      group: textIn(options, "group_id") ?? place.group,
      groupIndex: place.index ?? numberOf(options["group_index"]),
    });
    return { kind: "task", id };
  }

  #group(group: Signature, { front, role }: Place, depth: number): ResultNode {
    const id = idOf(group) ?? this.#newId(`${role}:group`);
    const [chord] = listOf(group.options["chord"]);
    const members = partsOf(group).flatMap((member, index) => {
      const place = { front, rest: [], role: `${role}:${String(index)}`, group: id, index, ...(chord && { chord }) };
      return this.#one(member, place, depth + 1) ?? [];
    });
    return { kind: "group", id, members };
  }

  #chord(signature: Signature, { front, rest, role, ...place }: Place, depth: number): ResultNode | undefined {
    const { header, body } = chordParts(signature);
    const group = idOf(header) ?? this.#newId(`${role}:group`);
    const tail = membered(rest.length === 0 ? body : continued(body, rest), place);
    const parts = partsOf(header);
    if (parts.length === 0) return this.#one(tail, { front: "[]", rest: [], role: `${role}:body` }, depth + 1);
    const members = parts.flatMap((member, index) => {
      const at = { front, rest: [], role: `${role}:${String(index)}`, group, index, chord: tail };
      return this.#one(member, at, depth + 1) ?? [];
    });
    this.joins.push({ group, size: members.length, body: tail });
    const parent: ResultNode = { kind: "group", id: group, members };
    return after(resultOf(body), parent);
  }
}

/** The node of a frozen signature that is not sent yet. */
export function resultOf(signature: Signature): ResultNode | undefined {
  const id = idOf(signature);
  switch (shapeOf(signature)) {
    case "chain": {
      const [first, ...later] = partsOf(signature);
      const node = first && resultOf(first);
      return node && followedBy(node, later);
    }
    case "chord": {
      const { header, body } = chordParts(signature);
      return after(resultOf(body), resultOf(header));
    }
    case "group": {
      if (id === undefined) return undefined;
      return { kind: "group", id, members: partsOf(signature).flatMap((member) => resultOf(member) ?? []) };
    }
    default:
      return id === undefined ? undefined : { kind: "task", id };
  }
}

function followedBy(first: ResultNode, later: readonly Signature[]): ResultNode {
  return later.reduce((node: ResultNode, step) => after(resultOf(step), node) ?? node, first);
}

/** `node`, whose beginning comes after `parent`. */
function after(node: ResultNode | undefined, parent: ResultNode | undefined): ResultNode | undefined {
  if (node === undefined || parent === undefined) return node ?? parent;
  return { ...node, parent: node.parent === undefined ? parent : (after(node.parent, parent) ?? parent) };
}

/** The body and what comes after it, as one: when the chord fails, Celery's workers end nothing but the body. */
function continued(body: Signature, rest: readonly Signature[]): Signature {
  const { chain: _own, ...options } = body.options;
  const steps = shapeOf(body) === "chain" ? partsOf(body) : [{ ...body, options }];
  const all = [...steps, ...[...rest, ...chainOption(body)].toReversed()];
  return telling(chainOf(all, { task_id: lastId(all.at(-1)) }));
}

/** A signature whose last step is a member of a group or chord. */
function membered(signature: Signature, place: Pick<Place, "group" | "index" | "chord">): Signature {
  const { group, index, chord } = place;
  if (group === undefined && chord === undefined) return signature;
  const options: Options = {
    ...(group !== undefined && { group_id: group }),
    ...(index !== undefined && { group_index: index }),
    ...(chord !== undefined && { chord }),
  };
  switch (shapeOf(signature)) {
    case "chain": {
      const steps = partsOf(signature);
      const last = steps.at(-1);
      if (last === undefined) return signature;
      return chainOf([...steps.slice(0, -1), membered(last, place)], signature.options);
    }
    case "chord": {
      const { header, body } = chordParts(signature);
      return chordOf(header, membered(body, place), signature.options);
    }
    default: {
      // Once a member always one: Celery's rule for `group_id`.
      const { group_id, ...others } = options;
      const own = signature.options["group_id"] !== undefined;
      return withMore(signature, own || group_id === undefined ? others : options);
    }
  }
}

function chainOption({ options }: Signature): readonly Signature[] {
  return listOf(options["chain"]);
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
