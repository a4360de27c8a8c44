/** Calls side by side. Each gets the same input; together they return the list of their results, in order. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { type AnySignature, Signature, type SignatureParts, type Stamping } from "../task/signature.ts";
import type { Signature as WireSignature } from "../wire/signature.ts";
import type { Results, SharedInput, Unrolled } from "./joint.ts";

/**
 * What {@link group} makes.
 *
 * @example
 * ```ts
 * import { group } from "celeriac";
 * const sizes = group([200, 800].map((width) => resize.si({ file: "cat.jpg", width })));
 * console.log(sizes.members.length); // 2
 * await app.delay(sizes);
 * ```
 */
export class Group<in I, out R extends readonly unknown[]> extends Signature<I, R> implements Unrolled<R> {
  declare readonly "~group": R;
  declare readonly "~unrolled": true;
  readonly members: readonly AnySignature[];

  constructor(members: readonly AnySignature[], parts: Partial<SignatureParts> = {}) {
    super({ task: "celery.group", args: [], kwargs: {}, immutable: false, kind: "group", ...parts });
    this.members = members;
  }

  override get endsInGroup(): boolean {
    return true;
  }

  /** A group has no one result to hand on: throws CONFIG_INVALID. Make it a chord. */
  override link(next: never): never {
    void next;
    throw noLink();
  }

  /** The same calls; for each that fails, `next` is sent with its id. */
  override linkError(next: Signature<string, unknown>): this {
    return this.copy({ members: this.members.map((member) => member.linkError(next)) });
  }

  override stamp(stamps: Stamping): this {
    return this.copy({ members: this.members.map((member) => member.stamp(stamps)), ...this.stampedLinks(stamps) });
  }

  protected override wireKwargs(follow: (inner: AnySignature) => WireSignature): Readonly<Record<string, unknown>> {
    return { tasks: this.members.map(follow) };
  }
}

/**
 * Calls that run side by side; started, it gives a `GroupResult`. Members of a group among them count as its own, as in Celery.
 *
 * @example
 * ```ts
 * import { group } from "celeriac";
 * const widths = [200, 800];
 * const sent = await app.delay(group(widths.map((width) => resize.si({ file: "cat.jpg", width }))));
 * for await (const each of sent.completed()) console.log(each.index, each.status);
 * ```
 */
export function group<const S extends readonly AnySignature[]>(members: S): Group<SharedInput<S>, Results<S>>;
export function group<const S extends readonly AnySignature[]>(...members: S): Group<SharedInput<S>, Results<S>>;
export function group(...given: readonly (AnySignature | readonly AnySignature[])[]): Group<never, readonly unknown[]> {
  return new Group(given.flat(1) as readonly AnySignature[]);
}

/** Refused at run time too, for what the compiler does not see. */
export function noLink(): CeleriacError {
  return new CeleriacError(
    "CONFIG_INVALID",
    "What ends in a group has no one result to hand on: use chord(group, next), or put next after it in a chain.",
  );
}
