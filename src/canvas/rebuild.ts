/** Signatures out of JSON: what `toJSON` gave, or Python's `dict(signature)`. What they say stays as it is, also what has no name here. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Duration } from "../task/duration.ts";
import { isPlainObject } from "../task/input.ts";
import { type AnySignature, Signature, type SignatureOptions, type SignatureParts } from "../task/signature.ts";
import { readSignature, type Signature as WireSignature } from "../wire/signature.ts";
import { Chain } from "./chain.ts";
import { Chord } from "./chord.ts";
import { chordParts, deepest, listOf, partsOf, shapeOf } from "./composite.ts";
import { Group } from "./group.ts";

/**
 * A signature from its JSON. What it takes and returns is not in there; say it. Throws MESSAGE_UNDECODABLE for what is none.
 *
 * @example
 * ```ts
 * import { signatureOf, type Signature } from "celeriac";
 * const text = JSON.stringify(resize.si({ file: "a.jpg", width: 800 }));
 * const again = signatureOf<Signature<unknown, { bytes: number }>>(JSON.parse(text));
 * await app.delay(again);
 * ```
 */
export function signatureOf<S extends AnySignature = Signature<unknown, unknown>>(json: unknown): Rebuilt<S> {
  return rebuilt(readSignature(json), 0) as unknown as Rebuilt<S>;
}

/** What the caller says it is. */
type Rebuilt<S> = S extends AnySignature ? S : never;

function rebuilt(wire: WireSignature, depth: number): AnySignature {
  if (depth > deepest) throw tooDeep();
  const parts = partsFrom(wire, depth);
  const inner = (all: readonly WireSignature[]): AnySignature[] => all.map((one) => rebuilt(one, depth + 1));
  // Chunks are kept as they came: as a group they could not be read back the same.
  if (wire.task === "celery.chunks") return new Signature(parts);
  switch (shapeOf(wire)) {
    case "chain":
      return new Chain(inner(partsOf(wire)), parts);
    case "group":
      return new Group(inner(partsOf(wire)), parts);
    case "chord": {
      const { header, body } = chordParts(wire);
      const group = rebuilt(header, depth + 1) as Group<never, readonly unknown[]>;
      return new Chord(group, rebuilt(body, depth + 1), parts);
    }
    case "task":
      return new Signature(parts);
  }
}

function partsFrom(wire: WireSignature, depth: number): SignatureParts {
  const { link, link_error, stamped_headers, ...others } = wire.options;
  const names = Array.isArray(stamped_headers) ? stamped_headers.filter((name) => typeof name === "string") : [];
  const stamps: Record<string, unknown> = {};
  const wireOptions: Record<string, unknown> = {};
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(others)) {
    const known = Object.hasOwn(knownOptions, name) ? knownOptions[name]?.(value) : undefined;
    if (names.includes(name)) stamps[name] = value;
    else if (known !== undefined) Object.assign(options, known);
    else wireOptions[name] = value;
  }
  const follow = (value: unknown): AnySignature[] => listOf(value).map((one) => rebuilt(one, depth + 1));
  return {
    task: wire.task,
    args: wire.args,
    kwargs: wire.kwargs,
    immutable: wire.immutable,
    kind: wire.subtask_type,
    options: options as SignatureOptions,
    links: follow(link),
    errorLinks: follow(link_error),
    stamps,
    wireOptions,
  };
}

/** What has a name here; `undefined` for a value that has no form here, which is kept as it stands on the wire. */
const knownOptions: Readonly<Record<string, (value: unknown) => SignatureOptions | undefined>> = {
  task_id: (value) => (typeof value === "string" ? { id: value } : undefined),
  queue: (value) => (typeof value === "string" ? { queue: value } : undefined),
  priority: (value) => (typeof value === "number" ? { priority: value } : undefined),
  countdown: (value) => duration(value, (delay) => ({ delay })),
  expires: (value) => duration(value, (expires) => ({ expires })),
  time_limit: (value) => duration(value, (timeLimit) => ({ timeLimit })),
  soft_time_limit: (value) => duration(value, (softTimeLimit) => ({ softTimeLimit })),
  ignore_result: (value) => (typeof value === "boolean" ? { ignoreResult: value } : undefined),
  headers: (value) => (isPlainObject(value) ? { headers: value } : undefined),
};

/** Seconds on the wire. */
function duration(value: unknown, option: (ms: Duration) => SignatureOptions): SignatureOptions | undefined {
  return typeof value === "number" && value >= 0 && Number.isFinite(value) ? option(value * 1000) : undefined;
}

function tooDeep(): CeleriacError {
  return new CeleriacError("MESSAGE_UNDECODABLE", `A signature is nested more than ${String(deepest)} levels deep.`);
}
