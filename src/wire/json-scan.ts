/**
 * Walks JSON text without building values: finds limits before they hurt, what plain `JSON.parse` would get wrong, and
 * where members lie. Never recurses, so depth cannot hurt it. It does not validate; a parser still has to.
 */

const quote = 34; // "
const backslash = 92; // \
const openArray = 91; // [
const closeArray = 93; // ]
const openObject = 123; // {
const closeObject = 125; // }
const colon = 58;
const largestSafe = String(Number.MAX_SAFE_INTEGER);

/**
 * Index after the string that starts at `start` (its opening quote), or -1 if it does not end. A search is fast over long
 * stretches without quotes, a loop over text full of escapes; so it searches first and after each dull stretch.
 */
export function skipString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const found = text.indexOf('"', at);
    if (found === -1) return -1;
    let before = found - 1;
    while (text.charCodeAt(before) === backslash) before -= 1;
    if ((found - before) % 2 === 1) return found + 1;
    at = found + 1;
    for (const stop = at + 64; at < stop; at += 1) {
      const code = text.charCodeAt(at);
      if (code === quote) return at + 1;
      if (code === backslash) at += 1;
    }
  }
}

export function skipSpace(text: string, start: number): number {
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
    at += 1;
  }
}

/** Index after the value that starts at `start`, or -1 if it does not end. Brackets are counted, not matched by kind. */
export function skipValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = skipString(text, at);
      if (at === -1) return -1;
      if (depth === 0) return at;
      continue;
    }
    if (code === openArray || code === openObject) depth += 1;
    else if (code === closeArray || code === closeObject) {
      if (depth === 0) return at; // the end of whatever surrounds a bare number or word
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (code === 44 || code <= 32)) return at;
    at += 1;
  }
  return depth === 0 ? text.length : -1;
}

/** One member of an object: `[from, to)` is the whole of it without commas, `[value, to)` its value. */
export interface MemberSpan {
  readonly key: string;
  readonly from: number;
  readonly value: number;
  readonly to: number;
}

/** Members of the object whose `{` is at `start`, and the index of its `}`; `undefined` if that is not an object. */
export function membersOf(
  text: string,
  start: number,
): { readonly members: readonly MemberSpan[]; readonly end: number } | undefined {
  if (text.charCodeAt(start) !== openObject) return undefined;
  const members: MemberSpan[] = [];
  let at = skipSpace(text, start + 1);
  if (text.charCodeAt(at) === closeObject) return { members, end: at };
  for (;;) {
    if (text.charCodeAt(at) !== quote) return undefined;
    const keyEnd = skipString(text, at);
    if (keyEnd === -1) return undefined;
    const key = keyText(text.slice(at, keyEnd));
    const mark = skipSpace(text, keyEnd);
    if (key === undefined || text.charCodeAt(mark) !== colon) return undefined;
    const value = skipSpace(text, mark + 1);
    const to = skipValue(text, value);
    if (to <= value) return undefined;
    members.push({ key, from: at, value, to });
    at = skipSpace(text, to);
    const next = text.charCodeAt(at);
    if (next === closeObject) return { members, end: at };
    if (next !== 44) return undefined;
    at = skipSpace(text, at + 1);
  }
}

/** The key as it is meant: `"a\u0062"` is `ab`. */
function keyText(token: string): string | undefined {
  if (!token.includes("\\")) return token.slice(1, -1);
  try {
    return JSON.parse(token) as string;
  } catch {
    return undefined;
  }
}

export type ScanVerdict = "plain" | "careful" | "too-deep" | "too-many-keys";

/**
 * "plain": `JSON.parse` gives the right value, or throws. "careful": something in it needs the careful reader (big integers,
 * tagged values, keys that must be refused), or may need it. Costs about 1 ns a character outside strings.
 */
export function scanJson(text: string, maxDepth: number, maxKeys: number): ScanVerdict {
  if (isPlain(text, maxDepth, maxKeys)) return "plain";
  let depth = 0;
  let keys = 0;
  let careful = false;
  let escape = text.indexOf("\\"); // the first one at or after the last key; text.length if there is none
  if (escape === -1) escape = text.length;
  let keyStart = 0; // of the string before the present position
  let keyEnd = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const first = text.charCodeAt(at + 1);
      if (first === 95 ? text.charCodeAt(at + 2) === 95 : first === 99 && text.startsWith("constructor", at + 1))
        careful = true; // "__… and "constructor
      keyStart = at;
      keyEnd = skipString(text, at);
      if (keyEnd === -1) return "careful";
      at = keyEnd - 1;
    } else if (code === openArray || code === openObject) {
      depth += 1;
      if (depth > maxDepth) return "too-deep";
    } else if (code === closeArray || code === closeObject) depth -= 1;
    else if (code === colon) {
      keys += 1;
      if (keys > maxKeys) return "too-many-keys";
      // An escaped letter may spell a key that must be seen. And V8 takes a key that is one escape for another such key that it has read
      // before: of a quotation mark it made a backslash (13.6, in Node 24.21).
      if (escape < keyStart) {
        escape = text.indexOf("\\", keyStart);
        if (escape === -1) escape = text.length;
      }
      if (escape < keyEnd) careful = true;
    } else if (code >= 48 && code <= 57) {
      const start = at;
      do at += 1;
      while (isDigit(text.charCodeAt(at)));
      const digits = at - start;
      let whole = true;
      for (let next = text.charCodeAt(at); isNumberTail(next); next = text.charCodeAt(at)) {
        whole = false;
        at += 1;
      }
      // Fences have sixteen digits too, and must not cost what a number beyond them does.
      if (whole && digits >= 16 && (digits > 16 || text.slice(start, at) > largestSafe)) careful = true;
      at -= 1;
    }
  }
  return careful ? "careful" : "plain";
}

/** Between these a few searches cost a third of the walk: 0.3 µs for an envelope of 700 characters. */
const [shortest, longest] = [200, 16_384];
const bodyFirst = '{"body":"';
const longNumber = /\d{16}/;

/** True only if the walk would say so. What stands inside of strings counts as well, so that it may be false without need. */
function isPlain(text: string, maxDepth: number, maxKeys: number): boolean {
  // A member has four characters at least, and its colon is one of them.
  if (text.length < shortest || text.length > longest || text.length > maxKeys * 4) return false;
  if (text.includes('"__') || text.includes('"constructor')) return false;
  // Escapes in a body are in no key: an envelope's is one string.
  const from = text.startsWith(bodyFirst) ? skipString(text, bodyFirst.length - 1) : 0;
  if (from === -1 || text.includes("\\", from)) return false;
  let brackets = 0;
  for (const bracket of ["[", "{"]) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) brackets += 1;
    if (brackets > maxDepth) return false;
  }
  return !longNumber.test(text);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
/** Fraction and exponent: `.` `e` `E` `+` `-` and digits. */
function isNumberTail(code: number): boolean {
  return isDigit(code) || code === 46 || code === 101 || code === 69 || code === 43 || code === 45;
}
