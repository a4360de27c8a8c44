/**
 * A value that shows itself to nobody by accident: as text, in JSON, inspected, logged, it is `***`. It is no encryption: in a message it travels
 * as it is, because Python's workers and ours need it.
 */

/** Packages may be there twice, as in an app with a library of tasks: a secret of one is a secret to the other. */
const brand = Symbol.for("celeriac.secret");
const inspected = Symbol.for("nodejs.util.inspect.custom");

/** What is shown in a secret's place. */
export const coveredText = "***";

/**
 * Wraps an argument so that it is printed nowhere: the headers of its message, events, logs, errors, dead letters and the dashboard show
 * `***`. Its handler gets it wrapped too, and takes the value out with `reveal()`. Results and checkpoints refuse it (NOT_SERIALIZABLE).
 * Python's workers get the bare value, and Python's callers send it bare, which `Secret.reveal` and `Secret.from` take as well.
 *
 * @example
 * ```ts
 * import { Secret } from "celeriac";
 * const charge = app.task("card.charge", async (input: { token: Secret<string> }) => input.token.reveal().length);
 * await charge.delay({ token: new Secret("tok_4711") });
 * ```
 */
export class Secret<out T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return coveredText;
  }

  toJSON(): string {
    return coveredText;
  }

  [Symbol.toPrimitive](): string {
    return coveredText;
  }

  /** Already a secret, or made one. */
  static from<T>(value: T | Secret<T>): Secret<T> {
    return isSecret(value) ? (value as Secret<T>) : new Secret(value);
  }

  /** The value behind a secret; any other as it is. */
  static reveal<T>(value: T | Secret<T>): T {
    return isSecret(value) ? (value.reveal() as T) : (value as T);
  }
}
Object.defineProperties(Secret.prototype, {
  [brand]: { value: true },
  [inspected]: { value: (): string => coveredText },
});

export function isSecret(value: unknown): value is Secret<unknown> {
  return typeof value === "object" && value !== null && (value as Readonly<Record<symbol, unknown>>)[brand] === true;
}
