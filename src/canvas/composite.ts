/**
 * Reading signatures that are made of others: chains, groups, chords, chunks, as Celery writes them (PROTOCOL §5.1). Tolerant as Celery
 * is of missing members; what is no signature is refused with MESSAGE_UNDECODABLE.
 */

import { CeleriacError } from "../error/celeriac-error.ts";
import { coverHeaders } from "../wire/cover.ts";
import { readSignature, type Signature } from "../wire/signature.ts";

export type Options = Readonly<Record<string, unknown>>;

export type Shape = "task" | "chain" | "group" | "chord";

/** Composites deeper than this are refused: they come out of messages, and each level is a call here. */
export const deepest = 60;

const shapes: Readonly<Record<string, Shape>> = {
  "celery.chain": "chain",
  "celery.group": "group",
  "celery.chord": "chord",
  "celery.chunks": "group",
};

/** `celery.map` and `celery.starmap` are tasks: they are sent as they are. */
export function shapeOf(signature: Signature): Shape {
  return Object.hasOwn(shapes, signature.task) ? (shapes[signature.task] ?? "task") : "task";
}

/** The steps of a chain in their order, or the members of a group as they were given; of chunks, one `celery.starmap` each. */
export function partsOf(signature: Signature): readonly Signature[] {
  if (signature.task === "celery.chunks") return chunksOf(signature);
  return signaturesIn(signature.kwargs["tasks"]);
}

/** A group's members with those of groups among them in their place: all of them run side by side. */
export function membersOf(group: Signature, depth = 0): readonly Signature[] {
  checkDepth(depth);
  const common = memberOptions(group.options);
  const ownErrors = listOf(group.options["link_error"]);
  return partsOf(group).flatMap((part) => {
    const member = withMore(part, common, ownErrors);
    return shapeOf(member) === "group" ? membersOf(member, depth + 1) : [member];
  });
}

/** Header and body of a chord. The header may be a group, a list, or a single signature. */
export function chordParts(chord: Signature): { readonly header: Signature; readonly body: Signature } {
  const { header, body } = chord.kwargs;
  const group = Array.isArray(header) ? undefined : readSignature(header);
  return {
    header: group !== undefined && shapeOf(group) === "group" ? group : groupOf(group ? [group] : signaturesIn(header)),
    body: readSignature(body),
  };
}

export function groupOf(tasks: readonly Signature[], options: Options = {}): Signature {
  return composite("group", { tasks }, options);
}

export function chainOf(tasks: readonly Signature[], options: Options = {}): Signature {
  return composite("chain", { tasks }, options);
}

export function chordOf(header: Signature, body: Signature, options: Options = {}): Signature {
  return composite("chord", { kwargs: {}, header, body }, options);
}

/** A group whose end is one task: a chord with Celery's built-in that answers with one of its arguments, the list of results. */
export function gathered(group: Signature): Signature {
  const queue = queueOf(group);
  return chordOf(group, {
    task: "celery.accumulate",
    args: [],
    kwargs: { index: 0 },
    options: queue === undefined ? {} : { queue },
    subtask_type: null,
    immutable: false,
  });
}

/** Where the first of its tasks goes: its workers know where to look. */
function queueOf(signature: Signature): unknown {
  const { queue } = signature.options;
  if (queue !== undefined || shapeOf(signature) === "task") return queue;
  const [first] = shapeOf(signature) === "chord" ? [chordParts(signature).header] : partsOf(signature);
  return first && queueOf(first);
}

/** An option that names something; an empty text names nothing. */
export function textIn(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function idOf({ options }: Signature): string | undefined {
  return textIn(options, "task_id");
}

/** `link` and `link_error`: none, one, or a list. */
export function listOf(value: unknown): readonly Signature[] {
  if (value === null || value === undefined) return [];
  return signaturesIn(Array.isArray(value) ? value : [value]);
}

/** Under these names nothing of a composite goes to its parts. */
const ownOptions: ReadonlySet<string> = new Set(
  "task_id root_id parent_id group_id group_index chord chain link link_error add_to_parent".split(" "),
);

/** What a group says of its members: Celery lets it win over their own. */
function memberOptions(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !ownOptions.has(name)));
}

/** More options, over its own, and more error callbacks. */
export function withMore(signature: Signature, more: Options, errors: readonly Signature[] = []): Signature {
  let empty = errors.length === 0;
  if (empty) for (const _ in more) empty = false;
  if (empty) return signature;
  const options: Record<string, unknown> = { ...signature.options, ...more };
  const covers = Object.hasOwn(more, "headers") ? coverHeaders(signature.options["headers"]) : undefined;
  if (covers !== undefined) options["headers"] = { ...covers, ...(more["headers"] as Options | null | undefined) };
  if (Array.isArray(more["stamped_headers"])) Object.assign(options, stampsTogether(signature.options, more));
  if (errors.length > 0) options["link_error"] = [...listOf(signature.options["link_error"]), ...errors];
  return { ...signature, options };
}

/** Stamps add up; what a signature is stamped with already stays. */
export function stampsTogether(own: Options, more: Options): Options {
  const names = [own["stamped_headers"], more["stamped_headers"]].flatMap((list) =>
    Array.isArray(list) ? list.filter((name): name is string => typeof name === "string") : [],
  );
  const stamps = names.map((name) => [name, Object.hasOwn(own, name) ? own[name] : more[name]] as const);
  return { ...Object.fromEntries(stamps), stamped_headers: [...new Set(names)] };
}

/** Each task in it changed, wherever it stands; with `links`, those of its callbacks too. */
export function mapTasks(
  signature: Signature,
  change: (task: Signature) => Signature,
  links = false,
  depth = 0,
): Signature {
  checkDepth(depth);
  const inner = (one: Signature): Signature => mapTasks(one, change, links, depth + 1);
  const linked = links ? withLinks(signature, inner) : signature;
  switch (shapeOf(signature)) {
    case "chain":
      return chainOf(partsOf(signature).map(inner), linked.options);
    case "group":
      return groupOf(partsOf(signature).map(inner), linked.options);
    case "chord": {
      const { header, body } = chordParts(signature);
      return chordOf(inner(header), inner(body), linked.options);
    }
    default:
      return change(linked);
  }
}

function withLinks(signature: Signature, inner: (one: Signature) => Signature): Signature {
  const { link, link_error } = signature.options;
  if (link === undefined && link_error === undefined) return signature;
  const changed = {
    ...(link !== undefined && { link: listOf(link).map(inner) }),
    ...(link_error !== undefined && { link_error: listOf(link_error).map(inner) }),
  };
  return { ...signature, options: { ...signature.options, ...changed } };
}

/** Celery's rule: all that is sent answers to whoever started it, unless it says otherwise. */
export function answeringTo(signature: Signature, replyTo: string): Signature {
  return mapTasks(signature, (task) => ({ ...task, options: { reply_to: replyTo, ...task.options } }), true);
}

export function checkDepth(depth: number): void {
  if (depth <= deepest) return;
  throw new CeleriacError(
    "MESSAGE_UNDECODABLE",
    `A workflow is nested more than ${String(deepest)} levels deep; make its inner parts tasks that start them.`,
  );
}

function signaturesIn(value: unknown): readonly Signature[] {
  return Array.isArray(value) ? value.map((one) => readSignature(one)) : [];
}

function chunksOf(signature: Signature): readonly Signature[] {
  const { task, it, n } = signature.kwargs;
  const size = typeof n === "number" && n >= 1 ? Math.floor(n) : 1;
  const items: readonly unknown[] = Array.isArray(it) ? (it as readonly unknown[]) : [];
  const parts: Signature[] = [];
  for (let at = 0; at < items.length; at += size) {
    parts.push({
      task: "celery.starmap",
      args: [],
      kwargs: { task, it: items.slice(at, at + size) },
      options: {},
      subtask_type: null,
      immutable: true,
    });
  }
  return parts;
}

function composite(shape: Exclude<Shape, "task">, kwargs: Options, options: Options): Signature {
  return { task: `celery.${shape}`, args: [], kwargs, options, subtask_type: shape, immutable: false };
}
