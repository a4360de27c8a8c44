/** A group and what runs when all of it has ended: the body gets the list of results. */

import {
  type AnySignature,
  Signature,
  type SignatureOptions,
  type SignatureParts,
  type Stamping,
} from "../task/signature.ts";
import type { Signature as WireSignature } from "../wire/signature.ts";
import { Group } from "./group.ts";
import type { BodyOf, Grouped, InputOf, OutcomeOf, Results, SharedInput } from "./joint.ts";

/**
 * What {@link chord} makes.
 *
 * @example
 * ```ts
 * import { chord } from "celeriac";
 * const gallery = app.task("gallery.publish", async (pictures: readonly { file: string }[]) => pictures.length);
 * const all = chord([resize.si({ file: "a.jpg", width: 800 })], gallery.s());
 * console.log(all.header.members.length); // 1
 * ```
 */
export class Chord<in I, out R> extends Signature<I, R> {
  readonly header: Group<I, readonly unknown[]>;
  readonly body: AnySignature;

  constructor(header: Group<I, readonly unknown[]>, body: AnySignature, parts: Partial<SignatureParts> = {}) {
    super({ task: "celery.chord", args: [], kwargs: {}, immutable: false, kind: "chord", ...parts });
    this.header = header;
    this.body = body;
  }

  override get endsInGroup(): boolean {
    return this.body.endsInGroup;
  }

  override get id(): string | undefined {
    return this.options.id ?? this.body.id;
  }

  /** A chord is known by its body: options are the body's. */
  override set(options: SignatureOptions): this {
    const { id, ...others } = options;
    const body = id === undefined ? this.body : this.body.set({ id });
    return this.copy({ body, options: { ...this.options, ...others } });
  }

  override link(next: Signature<R, unknown>): this {
    return this.copy({ body: this.body.link(next as never) });
  }

  /** The same chord; when a member or the body fails, `next` is sent with the body's id. */
  override linkError(next: Signature<string, unknown>): this {
    return this.copy({ body: this.body.linkError(next) });
  }

  override stamp(stamps: Stamping): this {
    return this.copy({
      header: this.header.stamp(stamps),
      body: this.body.stamp(stamps),
      ...this.stampedLinks(stamps),
    });
  }

  protected override wireId(): string | undefined {
    return this.options.id;
  }

  /** Celery writes the header as a list; as a group only where it has something of its own to say. */
  protected override wireKwargs(follow: (inner: AnySignature) => WireSignature): Readonly<Record<string, unknown>> {
    const header = follow(this.header);
    const plain = Object.keys(header.options).length === 0;
    return { kwargs: {}, header: plain ? header.kwargs["tasks"] : header, body: follow(this.body) };
  }
}

/**
 * A chord whose body ends in a group.
 *
 * @example
 * ```ts
 * import { chord, group } from "celeriac";
 * const count = app.task("gallery.count", async (pictures: readonly { file: string }[]) => pictures.length);
 * const both = chord([resize.si({ file: "a.jpg", width: 800 })], group([count.s(), count.s()]));
 * const counts = await (await app.delay(both)).get({ timeout: "1m" }); // [1, 1]
 * ```
 */
export interface GroupChord<in I, out R extends readonly unknown[]> extends Chord<I, R>, Grouped<R> {
  link(next: never): never;
}

/** The chord of this header and body. */
export type ChordOf<I, B> = B extends Grouped<infer R> ? GroupChord<I, R> : Chord<I, OutcomeOf<B>>;

/**
 * Runs the members side by side and, when all have succeeded, the body with the list of their results; started, it gives the handle of
 * the body. If one fails, so does the body. A preset for a body that takes an object does not compile: a list cannot be merged under it.
 *
 * @example
 * ```ts
 * import { chord } from "celeriac";
 * const gallery = app.task("gallery.publish", async (pictures: readonly { file: string }[]) => pictures.length);
 * const files = ["a.jpg", "b.jpg"];
 * const sent = await app.delay(chord(files.map((file) => resize.si({ file, width: 800 })), gallery.s()));
 * ```
 */
export function chord<
  const H extends Group<never, readonly unknown[]> | readonly AnySignature[],
  B extends AnySignature,
>(header: H, body: BodyOf<B, HeaderResults<H>>): ChordOf<HeaderInput<H>, B> {
  const members = header instanceof Group ? header : new Group(header as readonly AnySignature[]);
  return new Chord(members, body) as unknown as ChordOf<HeaderInput<H>, B>;
}

type HeaderResults<H> = H extends readonly AnySignature[] ? Results<H> : OutcomeOf<H>;
type HeaderInput<H> = H extends readonly AnySignature[] ? SharedInput<H> : InputOf<H>;
