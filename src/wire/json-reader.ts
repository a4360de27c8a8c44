/**
 * Reads the JSON that Python writes and `JSON.parse` gets wrong: integers of any size, NaN and Infinity, kombu's tagged
 * values. Refuses keys that could reach a prototype. Depth is bounded by the caller's limit before it is entered.
 */

import { skipString } from "./json-scan.ts";
import { reviveTagged } from "./tagged.ts";

/** Python ≥ 3.11 refuses longer ones too; reading them takes quadratic time. */
const maxIntegerDigits = 4300;
const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;

export class JsonSyntaxError extends Error {}

export function readJson(text: string, maxDepth: number): unknown {
  let at = 0;

  function fail(what: string): never {
    throw new JsonSyntaxError(`${what} at character ${at}`);
  }
  function space(): void {
    for (;;) {
      const code = text.charCodeAt(at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      at += 1;
    }
  }
  function word(literal: string, value: unknown): unknown {
    if (!text.startsWith(literal, at)) fail("unexpected text");
    at += literal.length;
    return value;
  }
  function string(): string {
    const end = skipString(text, at);
    if (end === -1) fail("a string does not end");
    try {
      const value = JSON.parse(text.slice(at, end)) as string;
      at = end;
      return value;
    } catch {
      return fail("a string has an invalid character or escape");
    }
  }
  function numeral(): unknown {
    if (text.startsWith("-Infinity", at)) return word("-Infinity", -Infinity);
    number.lastIndex = at;
    const match = number.exec(text);
    if (match === null) return fail("unexpected text");
    at = number.lastIndex;
    const value = Number(match[0]);
    if (match[1] !== undefined || match[2] !== undefined || Number.isSafeInteger(value)) return value;
    if (match[0].length > maxIntegerDigits) fail(`an integer has more than ${maxIntegerDigits} digits`);
    return BigInt(match[0]);
  }
  function array(depth: number): unknown[] {
    at += 1;
    const items: unknown[] = [];
    space();
    if (text.charCodeAt(at) === 93) {
      at += 1;
      return items;
    }
    for (;;) {
      items.push(value(depth));
      space();
      const code = text.charCodeAt(at);
      at += 1;
      if (code === 93) return items;
      if (code !== 44) {
        at -= 1;
        fail("expected , or ]");
      }
    }
  }
  function object(depth: number): unknown {
    at += 1;
    const members: Record<string, unknown> = {};
    space();
    if (text.charCodeAt(at) === 125) {
      at += 1;
      return members;
    }
    for (;;) {
      space();
      if (text.charCodeAt(at) !== 34) fail("expected a key");
      const key = string();
      if (key === "__proto__") fail("the key __proto__ is not allowed");
      space();
      if (text.charCodeAt(at) !== 58) fail("expected :");
      at += 1;
      const member = value(depth);
      if (key === "constructor" && reachesPrototype(member)) fail("the keys constructor.prototype are not allowed");
      members[key] = member;
      space();
      const code = text.charCodeAt(at);
      at += 1;
      if (code === 125) break;
      if (code !== 44) {
        at -= 1;
        fail("expected , or }");
      }
    }
    if (!Object.hasOwn(members, "__type__") || !Object.hasOwn(members, "__value__")) return members;
    if (Object.keys(members).length !== 2) return members;
    try {
      return reviveTagged(members["__type__"], members["__value__"]) ?? members;
    } catch (error) {
      return fail(error instanceof Error ? error.message : "a tagged value is invalid");
    }
  }
  function value(depth: number): unknown {
    space();
    switch (text.charCodeAt(at)) {
      case 123:
        if (depth >= maxDepth) fail(`nesting deeper than ${maxDepth}`);
        return object(depth + 1);
      case 91:
        if (depth >= maxDepth) fail(`nesting deeper than ${maxDepth}`);
        return array(depth + 1);
      case 34:
        return string();
      case 116:
        return word("true", true);
      case 102:
        return word("false", false);
      case 110:
        return word("null", null);
      case 78:
        return word("NaN", NaN);
      case 73:
        return word("Infinity", Infinity);
      default:
        return numeral();
    }
  }

  const result = value(0);
  space();
  if (at !== text.length) fail("unexpected text after the value");
  return result;
}

export function reachesPrototype(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "prototype");
}
