/**
 * Which parts of a call nobody is to see, as pointers (`/kwargs/card/number`, `/args/-1`, `*` for every member), and calls and texts with
 * those parts covered. The pointers travel as two headers, so that whoever shows a message knows them. Changes nothing that is sent.
 */

import { argsRepr, kwargsRepr } from "./repr.ts";
import { coveredText, isSecret, Secret } from "./secret.ts";
import { isRecord } from "./record.ts";

/** What is covered where the message is shown. */
export const redactHeader = "celeriac.redact";
/** What its handler gets as a {@link Secret}; covered as well. */
export const secretHeader = "celeriac.secret";
/** Headers may be anybody's. With more pointers than this all of the call is covered. */
const mostPointers = 256;
/** Covers all of a call. */
export const everything: readonly string[] = Object.freeze(["/args/*", "/kwargs/*"]);
const none: readonly string[] = [];
/** Shorter texts are in too many others by chance. */
const shortestHidden = 4;
const mostHidden = 100;
/** Nothing is in it but members to be covered. */
const covered = new Secret(coveredText);

export interface CoveredCall {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

export function pointerOf(path: readonly (string | number)[]): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** What a call's headers say of its own arguments: it stays whatever other headers the call is given. */
export function coverHeaders(headers: unknown): Readonly<Record<string, unknown>> | undefined {
  if (!isRecord(headers)) return undefined;
  const marks = [redactHeader, secretHeader].filter((name) => Object.hasOwn(headers, name));
  return marks.length === 0 ? undefined : Object.fromEntries(marks.map((name) => [name, headers[name]]));
}

/** Of a message's headers; what is no list of pointers covers everything. */
export function pointersIn(headers: Readonly<Record<string, unknown>>): readonly string[] {
  const [redact, secret] = [headers[redactHeader], headers[secretHeader]];
  if ((redact === undefined || redact === null) && (secret === undefined || secret === null)) return none;
  const all = [redact ?? [], secret ?? []].flat();
  const sound = all.length <= mostPointers && all.every((each) => typeof each === "string" && each.startsWith("/"));
  return sound ? (all as string[]) : everything;
}

/** Of those what its handler gets wrapped; what is no list of pointers wraps nothing. */
export function secretPointers(headers: Readonly<Record<string, unknown>>): readonly string[] {
  const secret = headers[secretHeader];
  if (secret === undefined || secret === null) return none;
  const pointers = pointersIn({ [secretHeader]: secret });
  return pointers === everything ? none : pointers;
}

/** Where the secrets of a call are; `late`: other arguments may come in front of its own, so these are counted from the end. */
export function secretsIn({ args, kwargs }: CoveredCall, late: boolean): readonly string[] {
  const found: string[] = [];
  args.forEach((argument, index) => findSecrets(argument, ["args", late ? index - args.length : index], found));
  findSecrets(kwargs, ["kwargs"], found);
  return found;
}

function findSecrets(value: unknown, path: (string | number)[], found: string[]): void {
  if (typeof value !== "object" || value === null) return;
  if (isSecret(value)) found.push(pointerOf(path));
  else if (path.length > 64) return; // deeper than is ever sent
  else if (Array.isArray(value)) value.forEach((item, index) => findSecrets(item, [...path, index], found));
  else {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return;
    for (const [key, member] of Object.entries(value)) findSecrets(member, [...path, key], found);
  }
}

/** The call with a {@link Secret} in each of the places: printed, they are `***`. */
export function coverCall(call: CoveredCall, pointers: readonly string[]): CoveredCall {
  return changed(call, pointers, () => covered);
}

/** The call as its handler gets it: what was sent as a secret is one again. */
export function wrapSecrets(call: CoveredCall, pointers: readonly string[]): CoveredCall {
  return changed(call, pointers, (value) => Secret.from(value));
}

function changed(call: CoveredCall, pointers: readonly string[], change: (value: unknown) => unknown): CoveredCall {
  let whole: unknown = { args: call.args, kwargs: call.kwargs };
  for (const pointer of pointers) whole = changedAt(whole, stepsOf(pointer), 0, change);
  return whole as CoveredCall;
}

function stepsOf(pointer: string): readonly string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function changedAt(value: unknown, steps: readonly string[], at: number, change: (value: unknown) => unknown): unknown {
  const step = steps[at];
  if (step === undefined) return change(value);
  if (typeof value !== "object" || value === null || isSecret(value)) return value;
  if (Array.isArray(value)) {
    const items = value as readonly unknown[];
    const wanted = Number(step) < 0 ? items.length + Number(step) : Number(step);
    return items.map((item, i) => (step === "*" || i === wanted ? changedAt(item, steps, at + 1, change) : item));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  if (step !== "*" && !Object.hasOwn(value, step)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]: [string, unknown]) => [
      key,
      step === "*" || key === step ? changedAt(member, steps, at + 1, change) : member,
    ]),
  );
}

/** Of a call that hides something also the printed arguments are written, covered: else Python's workers would print them. */
export function coverPrinted(headers: Record<string, unknown>, call: CoveredCall): void {
  const pointers = pointersIn(headers);
  if (pointers.length === 0) return;
  const { args, kwargs } = coverCall(call, pointers);
  headers["argsrepr"] = argsRepr(args);
  headers["kwargsrepr"] = kwargsRepr(kwargs);
}

/** Signatures inside of a value (what follows a task, members of a chord) with their own parts covered; the value itself if there is nothing to cover. */
export function coverSignatures(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null || depth > 64) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => coverSignatures(item, depth + 1));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  let record = value as Readonly<Record<string, unknown>>;
  const headers = headersOf(record);
  const { args, kwargs } = record;
  if (headers !== undefined && Array.isArray(args) && isRecord(kwargs)) {
    const pointers = pointersIn(headers);
    if (pointers.length > 0) record = { ...record, ...coverCall({ args, kwargs }, pointers) };
  }
  const members = Object.entries(record).map(([key, member]) => [key, coverSignatures(member, depth + 1)] as const);
  return members.some(([key, member]) => member !== record[key]) ? Object.fromEntries(members) : record;
}

function headersOf({ options }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined {
  return isRecord(options) && isRecord(options["headers"]) ? options["headers"] : undefined;
}

/** A text with every covered value of the call put over that stands in it, also as JSON and URLs write it. Short ones stay. */
export type Mask = (text: string) => string;

export function maskOf(call: CoveredCall, pointers: readonly string[]): Mask {
  const texts = new Set<string>();
  changed(call, pointers, (value) => {
    hiddenIn(value, texts, 0);
    return value;
  });
  // The longest first: it may hold another.
  const all = [...texts].toSorted((a, b) => b.length - a.length);
  return (text) => all.reduce((shown, hidden) => shown.replaceAll(hidden, coveredText), text);
}

function hiddenIn(value: unknown, texts: Set<string>, depth: number): void {
  if (texts.size >= mostHidden || depth > 64) return;
  if (isSecret(value)) hiddenIn(value.reveal(), texts, depth + 1);
  else if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") {
    const text = String(value);
    if (text.length < shortestHidden) return;
    texts.add(text);
    if (typeof value !== "string") return;
    texts.add(JSON.stringify(text).slice(1, -1));
    texts.add(encodeURIComponent(text.toWellFormed()));
  } else if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) hiddenIn(member, texts, depth + 1);
  }
}

/** The same for JSON text, which stays JSON: numbers that are covered become texts. */
export function maskJson(json: string, mask: Mask): string {
  const walk = (value: unknown): unknown => {
    if (typeof value === "string") return mask(value);
    if (typeof value === "number") return mask(String(value)) === String(value) ? value : coveredText;
    if (Array.isArray(value)) return value.map(walk);
    if (!isRecord(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [mask(key), walk(member)]));
  };
  try {
    return JSON.stringify(walk(JSON.parse(json)));
  } catch {
    return JSON.stringify(coveredText);
  }
}
