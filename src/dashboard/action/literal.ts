/**
 * Python's literals, as events show arguments in them, read back as values: lists, tuples, dicts with text keys, texts, numbers, True, False,
 * None. Everything else (an object's repr, `...`, what was cut) makes the whole text unreadable: a guess must never be run.
 */

const deepest = 64;
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\", "'": "'", '"': '"' };
const numberText = /-?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?)/iy;

class Unreadable extends Error {}

/** `undefined`: not all of it is a literal. */
export function readLiteral(text: string): { readonly value: unknown } | undefined {
  try {
    const reader = new LiteralReader(text);
    return { value: reader.whole() };
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

class LiteralReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): unknown {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw new Unreadable();
    return value;
  }

  #value(): unknown {
    this.#space();
    const first = this.#text[this.#at] ?? "";
    if (first === "[") return this.#list("]");
    if (first === "(") return this.#list(")");
    if (first === "{") return this.#dict();
    if (first === "'" || first === '"') return this.#string(first);
    for (const [word, value] of [
      ["True", true],
      ["False", false],
      ["None", null],
    ] as const) {
      if (this.#text.startsWith(word, this.#at) && !/\w/.test(this.#text[this.#at + word.length] ?? "")) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#number();
  }

  #list(end: string): unknown[] {
    this.#at++;
    this.#enter();
    const items: unknown[] = [];
    let commas = 0;
    while (!this.#takes(end)) {
      if (items.length > commas) throw new Unreadable();
      items.push(this.#value());
      if (this.#takes(",")) commas++;
    }
    // `(1)` is a number in brackets, not a tuple.
    if (end === ")" && items.length === 1 && commas === 0) throw new Unreadable();
    this.#depth--;
    return items;
  }

  #dict(): Record<string, unknown> {
    this.#at++;
    this.#enter();
    const entries: [string, unknown][] = [];
    let open = true;
    while (!this.#takes("}")) {
      if (!open) throw new Unreadable();
      const key = this.#value();
      if (typeof key !== "string" || key === "__proto__" || !this.#takes(":")) throw new Unreadable();
      entries.push([key, this.#value()]);
      open = this.#takes(",");
    }
    this.#depth--;
    return Object.fromEntries(entries);
  }

  #string(mark: string): string {
    let text = "";
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const character = this.#text[at] ?? "";
      if (character === mark) {
        this.#at = at + 1;
        return text;
      }
      if (character !== "\\") {
        text += character;
        continue;
      }
      const kind = this.#text[++at] ?? "";
      const length = { x: 2, u: 4, U: 8 }[kind];
      const simple = escapes[kind];
      if (length === undefined) {
        if (simple === undefined) throw new Unreadable();
        text += simple;
        continue;
      }
      const digits = this.#text.slice(at + 1, at + 1 + length);
      const code = Number.parseInt(digits, 16);
      if (!/^[0-9a-f]+$/i.test(digits) || digits.length !== length || code > 0x10_ff_ff) throw new Unreadable();
      text += String.fromCodePoint(code);
      at += length;
    }
    throw new Unreadable();
  }

  #number(): number | bigint {
    numberText.lastIndex = this.#at;
    const [text] = numberText.exec(this.#text) ?? [];
    if (text === undefined || /[\w.]/.test(this.#text[this.#at + text.length] ?? "")) throw new Unreadable();
    this.#at += text.length;
    const value = Number(text);
    if (!Number.isFinite(value)) throw new Unreadable();
    return /^-?\d+$/.test(text) && !Number.isSafeInteger(value) ? BigInt(text) : value;
  }

  #takes(mark: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== mark) {
      if (this.#at >= this.#text.length) throw new Unreadable();
      return false;
    }
    this.#at++;
    return true;
  }

  #enter(): void {
    if (++this.#depth > deepest) throw new Unreadable();
  }

  #space(): void {
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\n") this.#at++;
  }
}
