/**
 * Writes the values `JSON.stringify` would lose in silence, and names the path of those that cannot be written. A bounded walk
 * first tells whether the native writer may be used.
 */

import { types } from "node:util";

import { reachesPrototype } from "./json-reader.ts";
import { coveredText, isSecret } from "./secret.ts";
import { tagValue } from "./tagged.ts";

/** Python ≥ 3.11 refuses longer ones. */
const maxIntegerDigits = 4300;

export class UnwritableError extends Error {
  readonly path: string;
  constructor(path: string, why: string, cause?: unknown) {
    super(`${path} cannot be written as JSON: ${why}`, cause === undefined ? {} : { cause });
    this.path = path;
  }
}

/** Number of members if `JSON.stringify` writes this value faithfully, else -1 (which is no verdict yet). */
export function plainKeys(value: unknown, depth: number): number {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return 0;
  if (typeof value === "object") return plainObjectKeys(value, depth);
  if (typeof value !== "number") return -1;
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value)) ? 0 : -1;
}
function plainObjectKeys(value: object, depth: number): number {
  if (depth === 0) return -1;
  let keys = 0;
  if (Array.isArray(value)) {
    if (Object.getPrototypeOf(value) !== Array.prototype) return -1;
    for (let index = 0; index < value.length; index += 1) {
      const below = plainKeys(value[index], depth - 1);
      if (below < 0) return -1;
      keys += below;
    }
    return keys;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return -1;
  const members = value as Record<string, unknown>;
  if (typeof members["toJSON"] === "function") return -1;
  for (const key in members) {
    const member = members[key];
    keys += 1;
    if (member === undefined || (typeof member === "string" && key !== "__proto__")) continue;
    if (key === "__proto__" || (key === "constructor" && typeof member === "object")) return -1;
    const below = plainKeys(member, depth - 1);
    if (below < 0) return -1;
    keys += below;
  }
  return keys;
}

/** What becomes of a secret: it is written as it is, as `***`, or not at all. A function is told where it stood, and it is written as it is. */
export type OnSecret = "reveal" | "cover" | "refuse" | ((path: readonly (string | number)[]) => void);

/** Throws UnwritableError. */
export function writeJson(
  root: unknown,
  name: string,
  maxDepth: number,
  maxKeys: number,
  onSecret: OnSecret = "reveal",
): string {
  const path: (string | number)[] = [];
  const open = new Set<object>();
  let keys = 0;

  function fail(why: string, cause?: unknown): never {
    throw new UnwritableError(pathText(name, path), why, cause);
  }
  function write(value: unknown, mayHaveToJson: boolean): string {
    if (value === null) return "null";
    if (typeof value === "object") return writeObject(value, mayHaveToJson);
    if (typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
    if (typeof value === "number") {
      if (!Number.isFinite(value)) fail(`it is ${value}; send null or text instead`);
      // As a float, so that it comes back as a number: 100000000000000000000 would be read as an integer.
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : JSON.stringify(value);
    }
    if (typeof value === "bigint") {
      const text = value.toString();
      return text.length > maxIntegerDigits ? fail(`it has more than ${maxIntegerDigits} digits`) : text;
    }
    return fail(value === undefined ? "it is undefined; use null" : `it is a ${typeof value}`);
  }
  function writeObject(value: object, mayHaveToJson: boolean): string {
    const tagged = tag(value);
    if (tagged !== undefined) return tagged;
    if (isSecret(value)) {
      if (onSecret === "refuse") fail("it is a Secret; reveal() it if it may be kept and shown");
      if (onSecret === "cover") return JSON.stringify(coveredText);
      if (onSecret !== "reveal") onSecret(path);
      return write(value.reveal(), true);
    }
    if (mayHaveToJson && "toJSON" in value && typeof value.toJSON === "function") {
      let replaced: unknown;
      try {
        replaced = (value.toJSON as (key: string) => unknown)(String(path.at(-1) ?? ""));
      } catch (error) {
        return fail("its toJSON() threw", error);
      }
      return write(replaced, false);
    }
    if (open.has(value)) fail("it contains itself");
    if (open.size >= maxDepth) fail(`it is nested deeper than ${maxDepth} levels`);
    open.add(value);
    const text = Array.isArray(value) ? writeArray(value) : writeMembers(value);
    open.delete(value);
    return text;
  }
  function tag(value: object): string | undefined {
    if (types.isDate(value) && Number.isNaN(value.getTime())) fail("it is an invalid Date");
    let tagged: ReturnType<typeof tagValue>;
    try {
      tagged = tagValue(value);
    } catch (error) {
      return fail(error instanceof Error ? error.message : "it has no tagged form", error);
    }
    if (tagged === undefined) return undefined;
    // A reader sees one more object, and its members.
    if (open.size >= maxDepth) fail(`it is nested deeper than ${maxDepth} levels`);
    count(Object.keys(tagged).length);
    return JSON.stringify(tagged);
  }
  function count(members: number): void {
    keys += members;
    if (keys > maxKeys) fail(`there are more than ${maxKeys} keys`);
  }
  function writeArray(items: readonly unknown[]): string {
    let text = "[";
    for (let index = 0; index < items.length; index += 1) {
      path.push(index);
      text += (index === 0 ? "" : ",") + write(items[index], true);
      path.pop();
    }
    return `${text}]`;
  }
  function writeMembers(value: object): string {
    if (!isRecord(value)) fail(`it is a ${className(value)}; give it a toJSON(), or send plain data`);
    let text = "{";
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      path.push(key);
      count(1);
      if (key === "__proto__") fail("the key __proto__ is refused by readers");
      if (key === "constructor" && reachesPrototype(member)) fail("constructor.prototype is refused by readers");
      text += `${text === "{" ? "" : ","}${JSON.stringify(key)}:${write(member, true)}`;
      path.pop();
    }
    return `${text}}`;
  }

  return root === undefined ? "null" : write(root, true);
}

/** Plain objects, also those of another realm. */
function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  return (
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype as object, "isPrototypeOf") &&
    Object.prototype.toString.call(value) === "[object Object]"
  );
}

function className(value: object): string {
  const constructor: unknown = value.constructor;
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "class instance";
}

function pathText(name: string, path: readonly (string | number)[]): string {
  let text = name;
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  }
  return text;
}
