/**
 * A call by keywords alone, as ours are, in Python's form: its JSON is copied byte for byte, with Python's quotes, words and spaces. That costs
 * a fraction of parsing and printing it, which counts: it is done for each task while somebody listens.
 */

const code = (character: string): number => character.charCodeAt(0);
const [quote, apostrophe, backslash, space] = [code('"'), code("'"), code("\\"), code(" ")];
const [comma, colon, lastPlain] = [code(","), code(":"), code("~")];
const [letterT, letterF, letterN] = [code("t"), code("f"), code("n")];
/** `[[],` and `]` stand around the keywords. */
const before = Buffer.from("[[],{");
const after = Buffer.from("}]");
/** Outside of texts the same in both: brackets, and numbers without an exponent. */
const same = new Uint8Array(256);
for (const character of "[]{}-.0123456789") same[code(character)] = 1;
const words = {
  true: { json: Buffer.from("true"), python: Buffer.from("True") },
  false: { json: Buffer.from("false"), python: Buffer.from("False") },
  null: { json: Buffer.from("null"), python: Buffer.from("None") },
} as const;

/** Its keywords as Python prints them: printable ASCII without `"` and `\`. `undefined` where that would not be exact. */
export function turnedKeywords(call: Uint8Array): string | undefined {
  const end = call.byteLength - 1;
  if (end < before.byteLength || !standsAt(call, 0, before) || !standsAt(call, end - 1, after)) return undefined;
  // A comma or colon gets a space.
  const turned = Buffer.allocUnsafe(2 * call.byteLength);
  let length = 0;
  let inText = false;
  for (let at = before.byteLength - 1; at < end; at++) {
    const byte = call[at] ?? 0;
    if (byte === quote) {
      turned[length++] = apostrophe;
      inText = !inText;
    } else if (inText) {
      if (byte < space || byte > lastPlain || byte === apostrophe || byte === backslash) return undefined;
      turned[length++] = byte;
    } else if (byte === comma || byte === colon) {
      turned[length++] = byte;
      turned[length++] = space;
      if (call[at + 1] === space) at++;
    } else if (same[byte] === 1) turned[length++] = byte;
    else {
      const word = wordOf(byte);
      if (word === undefined || !standsAt(call, at, word.json)) return undefined;
      for (const letter of word.python) turned[length++] = letter;
      at += word.json.byteLength - 1;
    }
  }
  const text = turned.toString("latin1", 0, length);
  return inText || text.includes("__type__") ? undefined : text;
}

function wordOf(first: number): (typeof words)[keyof typeof words] | undefined {
  if (first === letterT) return words.true;
  if (first === letterF) return words.false;
  return first === letterN ? words.null : undefined;
}

function standsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.byteLength; index++) if (bytes[at + index] !== wanted[index]) return false;
  return true;
}
