/**
 * Gives ids to all that a signature will send, now and later, so that sending it twice is sending it once; and brings it into the form that
 * Celery's workers expect of the steps of a chain: no chain inside a chain, and a group that is followed by something made a chord.
 *
 * Differs from Celery on purpose in two places. A group of one member that is followed by something stays a group: what follows gets a
 * list, whatever its length. And what ends in a group, where one end is wanted (a member of a chord, a task that is replaced), ends in
 * the built-in `celery.accumulate`, whose result is the list; Celery counts the group's members into the chord around it.
 */

import { stringifyJson } from "../wire/json.ts";
import type { Signature } from "../wire/signature.ts";
import {
  chainOf,
  checkDepth,
  chordOf,
  chordParts,
  gathered,
  groupOf,
  idOf,
  listOf,
  membersOf,
  type Options,
  partsOf,
  shapeOf,
  stampsTogether,
  withMore,
} from "./composite.ts";
import { errbacksOf } from "./errback.ts";

/** An id for what is found in this place; the same place and signature may be asked again. */
export type NewId = (role: string) => string;

/** What the last step of a signature is, or is a part of. */
export interface Ending {
  /** Its id, where it has none of its own. */
  readonly id?: string | undefined;
  /** Membership and callbacks: `group_id`, `group_index`, `chord`, as options. */
  readonly options?: Options;
  /** It must end in one task. */
  readonly single?: boolean;
}

/** The steps, first to last, each with its id and those of all it will send. Empty for a chain without steps. */
export function freezeSteps(
  signature: Signature,
  newId: NewId,
  role: string,
  end: Ending = {},
  depth = 0,
): readonly Signature[] {
  checkDepth(depth);
  const steps = upgraded(linear(signature, depth));
  const last = steps.length - 1;
  return steps.map((step, index) => {
    const place = last === 0 ? role : `${role}:${String(index)}`;
    return freezeOne(step, newId, place, index === last ? end : {}, depth);
  });
}

/** The same as one signature: a chain where there are several steps. Its options name the last one, as Celery's do. */
export function freeze(signature: Signature, newId: NewId, role: string, end: Ending = {}, depth = 0): Signature {
  const steps = freezeSteps(signature, newId, role, end, depth);
  const [only] = steps;
  if (only !== undefined && steps.length === 1) return only;
  return chainOf(steps, { task_id: lastId(steps.at(-1)) });
}

/** The id under which the end of a frozen signature will be found. */
export function lastId(signature: Signature | undefined): string | undefined {
  if (signature === undefined) return undefined;
  switch (shapeOf(signature)) {
    case "chain":
      return lastId(partsOf(signature).at(-1)) ?? idOf(signature);
    case "chord":
      return lastId(chordParts(signature).body);
    default:
      return idOf(signature);
  }
}

/** A chain is in a group, or a member of a chord, by its last step. */
const lastOnly: ReadonlySet<string> = new Set(["chord", "group_id", "group_index"]);
const notFirst: ReadonlySet<string> = new Set([...lastOnly, "chain", "root_id", "parent_id", "add_to_parent"]);

/** Without chains in it; their callbacks go to the last step, their error callbacks and stamps to each, all else to the first. */
function linear(signature: Signature, depth: number): readonly Signature[] {
  checkDepth(depth);
  if (shapeOf(signature) !== "chain") return [signature];
  const steps = partsOf(signature).flatMap((part) => linear(part, depth + 1));
  const { task_id, link, link_error, stamped_headers, ...rest } = signature.options;
  const membership = Object.fromEntries(Object.entries(rest).filter(([name]) => lastOnly.has(name)));
  const errors = inFirst(listOf(link_error), steps) ? [] : listOf(link_error);
  const stamps = stamped_headers === undefined ? {} : stampsTogether({}, { stamped_headers, ...rest });
  const names = new Set(Object.keys(stamps));
  const firstOnly = Object.fromEntries(
    Object.entries(rest).filter(([name]) => !names.has(name) && !notFirst.has(name)),
  );
  return steps.map((step, index) => {
    let more: Options = stamps;
    if (index === 0) more = { ...more, ...firstOnly };
    if (index === steps.length - 1) {
      const links = [...listOf(step.options["link"]), ...listOf(link)];
      more = { ...more, ...membership };
      if (links.length > 0) more = { ...more, link: links };
      if (task_id !== undefined && lastId(step) === undefined) more = { ...more, task_id };
    }
    return withMore(step, more, errors);
  });
}

/** Error callbacks that a body says again, see {@link telling}. */
function inFirst(errors: readonly Signature[], [first]: readonly Signature[]): boolean {
  const own = errors.length === 0 ? [] : listOf(first?.options["link_error"]).map((one) => stringifyJson(one));
  return errors.every((one) => own.includes(stringifyJson(one)));
}

/**
 * Each group that something follows, and what follows it, made a chord; what follows a chord made a part of its body. As Celery does: its
 * workers, when a chord fails, end nothing but the body.
 */
function upgraded(steps: readonly Signature[]): readonly Signature[] {
  const at = steps.findIndex((step, index) => index < steps.length - 1 && ["chord", "group"].includes(shapeOf(step)));
  const step = steps[at];
  if (step === undefined) return steps;
  const later = upgraded(steps.slice(at + 1));
  const [next] = later;
  if (next === undefined) return steps;
  const whole =
    shapeOf(step) === "chord" ? goesOn(step, later) : chordOf(step, later.length === 1 ? next : chainOf(later));
  return [...steps.slice(0, at), whole];
}

/** A chord, and more after its body. */
function goesOn(chord: Signature, later: readonly Signature[]): Signature {
  const { header, body } = chordParts(chord);
  const { task_id, link, link_error, chain, ...own } = chord.options;
  // An option `task_id` names the body where nothing else is named, and else the header.
  const isBodys = idOf(header) === undefined && lastId(body) === undefined;
  const name = task_id === undefined ? {} : { task_id };
  const first = linked(withMore(body, { ...own, ...(isBodys && name) }, listOf(link_error)), listOf(link));
  const named = isBodys || idOf(header) !== undefined ? header : withMore(header, name);
  return chordOf(named, chainOf([first, ...later]), chain === undefined ? {} : { chain });
}

function freezeOne(signature: Signature, newId: NewId, role: string, end: Ending, depth: number): Signature {
  switch (shapeOf(signature)) {
    case "chord":
      return freezeChord(signature, newId, role, end, depth);
    case "group":
      if (end.single === true) {
        return freezeChord(gathered(signature), newId, role, end, depth);
      }
      return freezeGroup(signature, end.id, newId, role, depth);
    default:
      return {
        ...signature,
        options: { ...signature.options, task_id: idOf(signature) ?? end.id ?? newId(role), ...end.options },
      };
  }
}

function freezeGroup(
  group: Signature,
  id: string | undefined,
  newId: NewId,
  role: string,
  depth: number,
  single = false,
): Signature {
  const given = membersOf(group);
  const [first, ...others] = given;
  const links = listOf(group.options["link"]);
  // As Celery links a group: to its first member, which cannot speak for the others.
  const members =
    first === undefined || links.length === 0
      ? given
      : [
          linked(
            first,
            links.map((link) => ({ ...link, immutable: true })),
          ),
          ...others,
        ];
  const { chord } = group.options;
  return groupOf(
    members.map((member, index) =>
      freeze(member, newId, `${role}:${String(index)}`, { single: single || chord !== undefined }, depth + 1),
    ),
    {
      ...(chord === undefined ? {} : { chord }),
      task_id: idOf(group) ?? id ?? newId(`${role}:group`),
    },
  );
}

function freezeChord(chord: Signature, newId: NewId, role: string, end: Ending, depth: number): Signature {
  const { header, body } = chordParts(chord);
  const { task_id, link, link_error, chain, ...own } = chord.options;
  const named = idOf(header) ?? (lastId(body) === undefined ? undefined : (task_id as string | undefined));
  const group = freezeGroup(header, named, newId, role, depth, true);
  const wanted = named === undefined ? (task_id as string | undefined) : undefined;
  const linkedBody = linked(withMore(body, own, listOf(link_error)), listOf(link));
  const frozenBody = telling(freeze(linkedBody, newId, `${role}:body`, { ...end, id: end.id ?? wanted }, depth + 1));
  return chordOf(group, frozenBody, { task_id: idOf(group), ...(chain === undefined ? {} : { chain }) });
}

/** A body that is a chain says the error callbacks of its first step itself: there Celery's workers look for them when a member failed. */
export function telling(body: Signature): Signature {
  const errors = shapeOf(body) === "chain" ? errbacksOf(body) : [];
  return errors.length === 0 ? body : withMore(body, {}, errors);
}

function linked(signature: Signature, links: readonly Signature[]): Signature {
  if (links.length === 0) return signature;
  return { ...signature, options: { ...signature.options, link: [...listOf(signature.options["link"]), ...links] } };
}
