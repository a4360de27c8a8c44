/**
 * Calls not yet made, as values: hold them, send them, put them together, give them as `link`. `s(preset)` takes the rest of its input
 * from what ran before; `si(input)` ignores it. Nothing here sends, and nothing changes: each method gives a new signature.
 */

import { CeleriacError } from "../error/celeriac-error.ts";
import { coverHeaders, secretHeader, secretsIn } from "../wire/cover.ts";
import type { Signature as WireSignature } from "../wire/signature.ts";
import { type Duration, durationMs } from "./duration.ts";

/**
 * How the call of a signature is sent; Celery's words on the wire.
 *
 * @example
 * ```ts
 * import type { SignatureOptions } from "celeriac";
 * const slow: SignatureOptions = { queue: "slow", delay: "10s", expires: "1h" };
 * await app.delay(resize.si({ file: "a.jpg", width: 800 }).set(slow));
 * ```
 */
export interface SignatureOptions {
  readonly queue?: string;
  readonly priority?: number;
  /** Relative to the moment when it is sent. */
  readonly delay?: Duration;
  /** Relative to the moment when it is sent. */
  readonly expires?: Duration;
  readonly timeLimit?: Duration;
  readonly softTimeLimit?: Duration;
  readonly id?: string;
  readonly ignoreResult?: boolean;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** A signature whatever it takes and returns. */
export type AnySignature = Signature<never, unknown>;

/** Marks that travel with a call, and that workers can be told to revoke by: names with JSON values. */
export type Stamps = Readonly<Record<string, unknown>>;
/** Stamps, or a function that gives those of each call. */
export type Stamping = Stamps | ((call: AnySignature) => Stamps);

/** Needs nothing more: its input is ignored, may be absent, or is given. Else a type whose text says so. */
export type Closed<I> = undefined extends I
  ? unknown
  : {} extends I
    ? unknown
    : { readonly "cannot be started: it still needs an input": I };

/** What a signature is made of. */
export interface SignatureParts {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly immutable: boolean;
  readonly options?: SignatureOptions;
  readonly links?: readonly AnySignature[];
  readonly errorLinks?: readonly AnySignature[];
  readonly stamps?: Stamps;
  /** Celery's `subtask_type`; null for the call of a task. */
  readonly kind?: string | null;
  /** Options by their names on the wire, for those that have none here. */
  readonly wireOptions?: Readonly<Record<string, unknown>>;
}

/**
 * One call of a task, or several put together, as a value. `I` is the input it still needs (`unknown`: any, ignored), `R` what it returns.
 *
 * @example
 * ```ts
 * const announce = notify.s({ channel: "#shop" }); // the text comes from the task before
 * await resize.enqueue({ file: "a.png", width: 800 }, { link: announce });
 * ```
 */
export class Signature<in I, out R> {
  /** For the compiler only: what it takes and returns. */
  declare readonly "~types"?: (input: I) => R;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Ignores the result of what ran before. */
  readonly immutable: boolean;
  readonly options: SignatureOptions;
  readonly links: readonly AnySignature[];
  readonly errorLinks: readonly AnySignature[];
  readonly stamps: Stamps;
  protected readonly kind: string | null;
  protected readonly wireOptions: Readonly<Record<string, unknown>>;

  constructor(parts: SignatureParts) {
    this.task = parts.task;
    this.args = parts.args;
    this.kwargs = parts.kwargs;
    this.immutable = parts.immutable;
    this.options = parts.options ?? {};
    this.links = parts.links ?? [];
    this.errorLinks = parts.errorLinks ?? [];
    this.stamps = parts.stamps ?? {};
    this.kind = parts.kind ?? null;
    this.wireOptions = parts.wireOptions ?? {};
  }

  /** Started, it gives a handle for several results. */
  get endsInGroup(): boolean {
    return false;
  }

  /** Under which its result will be found, if it was given one. */
  get id(): string | undefined {
    return this.options.id;
  }

  /** The same call with other options; those not named stay. */
  set(options: SignatureOptions): this {
    const covers = options.headers && coverHeaders(this.options.headers);
    const headers = covers && { headers: { ...covers, ...options.headers } };
    return this.copy({ options: { ...this.options, ...options, ...headers } });
  }

  /** The same call; when it succeeds, `next` is sent with its result. */
  link(next: Signature<R, unknown>): this {
    return this.copy({ links: [...this.links, next] });
  }

  /** The same call; when it fails, `next` is sent with its id. */
  linkError(next: Signature<string, unknown>): this {
    return this.copy({ errorLinks: [...this.errorLinks, next] });
  }

  /**
   * The same call with stamps, on all that it is made of and that follows it; a function is asked for those of each call. Throws
   * CONFIG_INVALID for a name that Celery's options bear.
   */
  stamp(stamps: Stamping): this {
    const own = typeof stamps === "function" ? stamps(this) : stamps;
    for (const name of Object.keys(own)) checkStamp(name);
    return this.copy({ stamps: { ...this.stamps, ...own }, ...this.stampedLinks(stamps) });
  }

  /** Celery's signature dict. */
  toJSON(): WireSignature {
    return this.wire(undefined);
  }

  /** Celery's signature dict with an id in it and in all that follows, so that sending it twice is sending it once. */
  freeze(newId: () => string): WireSignature {
    return this.wire(newId);
  }

  protected stampedLinks(stamps: Stamping): Pick<SignatureParts, "links" | "errorLinks"> {
    const stamped = (each: AnySignature): AnySignature => each.stamp(stamps);
    return { links: this.links.map(stamped), errorLinks: this.errorLinks.map(stamped) };
  }

  /** What is in it besides options, on the wire; `follow` writes a signature inside it. */
  protected wireKwargs(follow: (inner: AnySignature) => WireSignature): Readonly<Record<string, unknown>> {
    void follow;
    return { ...this.kwargs };
  }

  /** The id it is sent with; a signature that is known by its last part has none. */
  protected wireId(newId: (() => string) | undefined): string | undefined {
    return this.options.id ?? newId?.();
  }

  /** Of the same class, with other parts. */
  protected copy(changes: object): this {
    // Members are plain fields, so the prototype and the fields are the whole of it.
    return Object.assign(Object.create(Object.getPrototypeOf(this) as object) as this, this, changes);
  }

  protected wire(newId: (() => string) | undefined): WireSignature {
    const { queue, priority, delay, expires, timeLimit, softTimeLimit, ignoreResult } = this.options;
    // Whoever sends it sees bare values; what ran before comes in front of the arguments of one that takes it.
    const secrets = secretsIn(this, !this.immutable);
    const headers = secrets.length === 0 ? this.options.headers : { ...this.options.headers, [secretHeader]: secrets };
    const follow = (each: AnySignature): WireSignature => (newId === undefined ? each.toJSON() : each.freeze(newId));
    const stamped = Object.keys(this.stamps);
    const id = this.wireId(newId);
    const named = {
      task_id: id,
      queue,
      priority,
      countdown: seconds(delay),
      expires: seconds(expires),
      time_limit: seconds(timeLimit),
      soft_time_limit: seconds(softTimeLimit),
      ignore_result: ignoreResult,
      headers,
      ...this.stamps,
      stamped_headers: stamped.length === 0 ? undefined : stamped,
      link: this.links.length === 0 ? undefined : this.links.map(follow),
      link_error: this.errorLinks.length === 0 ? undefined : this.errorLinks.map(follow),
    };
    return {
      task: this.task,
      args: [...this.args],
      kwargs: this.wireKwargs(follow),
      options: {
        ...this.wireOptions,
        ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)),
      },
      subtask_type: this.kind,
      immutable: this.immutable,
    };
  }
}

function seconds(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration) / 1000;
}

/** Names in the options of a signature that mean something to Celery's workers; stamps lie flat beside them. */
const optionNames: ReadonlySet<string> = new Set(
  `task_id reply_to root_id parent_id group_id group_index chord chain link link_error queue exchange routing_key priority countdown eta
  expires time_limit soft_time_limit serializer compression retry retry_policy headers shadow ignore_result replaced_task_nesting
  stamped_headers add_to_parent task_name args kwargs producer connection router app`.split(/\s+/),
);

function checkStamp(name: string): void {
  if (name !== "" && !optionNames.has(name)) return;
  throw new CeleriacError(
    "CONFIG_INVALID",
    `A stamp cannot be called ${JSON.stringify(name)}: on the wire stamps lie among Celery's options. Give it another name.`,
    { details: { stamp: name } },
  );
}
