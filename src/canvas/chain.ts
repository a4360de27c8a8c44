/** Calls one after the other: each gets the result of the one before it. */

import {
  type AnySignature,
  Signature,
  type SignatureOptions,
  type SignatureParts,
  type Stamping,
} from "../task/signature.ts";
import type { Signature as WireSignature } from "../wire/signature.ts";
import { noLink } from "./group.ts";
import type { Grouped, InputOf, Joined, Last, OutcomeOf } from "./joint.ts";

/**
 * What {@link chain} makes.
 *
 * @example
 * ```ts
 * import { chain } from "celeriac";
 * const gallery = chain(resize.si({ file: "cat.jpg", width: 800 }), publish.s());
 * console.log(gallery.steps.length); // 2
 * await app.delay(gallery);
 * ```
 */
export class Chain<in I, out R> extends Signature<I, R> {
  readonly steps: readonly AnySignature[];

  constructor(steps: readonly AnySignature[], parts: Partial<SignatureParts> = {}) {
    super({ task: "celery.chain", args: [], kwargs: {}, immutable: false, kind: "chain", ...parts });
    this.steps = steps;
  }

  override get endsInGroup(): boolean {
    return this.steps.at(-1)?.endsInGroup ?? false;
  }

  override get id(): string | undefined {
    return this.options.id ?? this.steps.at(-1)?.id;
  }

  /** A chain is known by its last step: `id` is that one's, all else the first one's. */
  override set(options: SignatureOptions): this {
    const { id, ...others } = options;
    const last = this.steps.at(-1);
    const steps = id === undefined || last === undefined ? this.steps : [...this.steps.slice(0, -1), last.set({ id })];
    return this.copy({ steps, options: { ...this.options, ...others } });
  }

  override link(next: Signature<R, unknown>): this {
    if (this.endsInGroup) throw noLink();
    return super.link(next);
  }

  override stamp(stamps: Stamping): this {
    return this.copy({ steps: this.steps.map((step) => step.stamp(stamps)), ...this.stampedLinks(stamps) });
  }

  protected override wireId(): string | undefined {
    return this.options.id;
  }

  protected override wireKwargs(follow: (inner: AnySignature) => WireSignature): Readonly<Record<string, unknown>> {
    return { tasks: this.steps.map(follow) };
  }
}

/**
 * A chain whose last step is a group.
 *
 * @example
 * ```ts
 * import { chain, group } from "celeriac";
 * const told = chain(resize.si({ file: "cat.jpg", width: 800 }), group([notify.s({ channel: "#a" }), notify.s({ channel: "#b" })]));
 * const results = await (await app.delay(told)).get({ timeout: "1m" }); // one for each member
 * ```
 */
export interface GroupChain<in I, out R extends readonly unknown[]> extends Chain<I, R>, Grouped<R> {
  link(next: never): never;
}

/** The chain of these steps. */
export type ChainOf<S extends readonly AnySignature[]> =
  Last<S> extends Grouped<infer R> ? GroupChain<InputOf<S[0]>, R> : Chain<InputOf<S[0]>, OutcomeOf<Last<S>>>;

/**
 * Calls one after the other; started, it gives the handle of the last. A group that is followed by something hands on the list of its
 * results. A step that does not take what the one before it returns does not compile.
 *
 * @example
 * ```ts
 * import { chain } from "celeriac";
 * const sent = await app.delay(chain(resize.si({ file: "cat.jpg", width: 800 }), publish.s(), announce.s({ channel: "#shop" })));
 * await sent.get({ timeout: "1m" });
 * ```
 */
export function chain<const S extends readonly AnySignature[]>(...steps: S & Joined<S>): ChainOf<S> {
  return new Chain(steps) as unknown as ChainOf<S>;
}
