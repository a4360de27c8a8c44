/** Python signatures as TypeScript function types, for `app.remote`. What cannot be said becomes `unknown`, with a comment that says what it was. */

import { clean } from "../wire/visible-text.ts";
import type { Parameter, PythonSignature, Shape } from "./signature-reader.ts";

/** What a signature that nobody knows is taken for. */
export const unknownCall = "(...args: unknown[]) => unknown";

const identifierText = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
/** Words that cannot name a parameter or a constant in a module; `this` would be a type there. */
const reserved: ReadonlySet<string> = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for function
  if implements import in instanceof interface let new null package private protected public return static super switch this throw true try
  typeof undefined var void while with yield`.split(/\s+/),
);

/** A name as near to this one as JavaScript allows. */
export function identifier(name: string): string {
  const text = name.replace(/[^\p{ID_Continue}$]/gu, "_");
  if (!identifierText.test(text)) return `_${text}`;
  return reserved.has(text) ? `${text}_` : text;
}

/** Text that may stand in a comment. */
export function comment(text: string): string {
  return clean(text).replaceAll("*/", "*\\/");
}

/**
 * The function type of a task as it can be called from here. A single plain object is sent as keyword arguments, so a function that takes one
 * as its only argument, or takes some by name alone, is called with one object of all its names.
 */
export function callType({ parameters, result }: PythonSignature): string {
  const placed = parameters.filter(({ kind }) => kind === "position" || kind === "either");
  const rest = parameters.find(({ kind }) => kind === "rest");
  const keywords = parameters.filter(({ kind }) => kind === "keyword");
  const others = parameters.find(({ kind }) => kind === "rest-keywords");
  const named = [...placed.filter(({ kind }) => kind === "either"), ...keywords];

  const [first = rest, second] = placed;
  const alone = first !== undefined && (second === undefined || second.optional) && mayBeObject(first.shape);
  const byName = !placed.some(({ kind, optional }) => kind === "position" && !optional);
  const needsNames = keywords.some(({ optional }) => !optional) || (alone && byName && placed.length > 0);
  const byPosition = !needsNames && (placed.length > 0 || rest !== undefined);
  const takesNames = byName && (needsNames || keywords.length > 0 || others !== undefined);
  const positions = [...placed.map((each) => parameterText(each)), ...(rest === undefined ? [] : [restText(rest)])];
  const end = `=> ${shapeText(result)}`;

  if (!byName && needsNames) {
    return `${unknownCall} /* it needs positional and keyword arguments, which cannot be sent together from here */`;
  }
  if (byPosition && takesNames)
    return `(...call: [${positions.join(", ")}] | [${objectParameter(named, others)}]) ${end}`;
  if (takesNames) return `(${objectParameter(named, others)}) ${end}`;
  return `(${positions.join(", ")}) ${end}`;
}

function parameterText({ name, optional, shape }: Parameter): string {
  return `${identifier(name)}${optional ? "?" : ""}: ${shapeText(shape)}`;
}

function restText({ name, shape }: Parameter): string {
  return `...${identifier(name)}: ${listText(shape)}`;
}

function objectParameter(named: readonly Parameter[], others: Parameter | undefined): string {
  const optional = named.every((each) => each.optional) ? "?" : "";
  if (named.length === 0 && others !== undefined) return `kwargs?: Record<string, ${shapeText(others.shape)}>`;
  const members = named.map(memberText);
  if (others !== undefined) members.push("[name: string]: unknown");
  return `kwargs${optional}: { ${members.join("; ")} }`;
}

const memberText = ({ name, optional, shape }: Pick<Parameter, "name" | "optional" | "shape">): string =>
  `${identifierText.test(name) ? name : JSON.stringify(name)}${optional ? "?" : ""}: ${shapeText(shape)}`;

function shapeText(shape: Shape): string {
  switch (shape.kind) {
    case "plain":
      return shape.name;
    case "literal":
      return clean(JSON.stringify(shape.value));
    case "list":
      return listText(shape.of);
    case "record":
      return `Record<string, ${shapeText(shape.of)}>`;
    case "tuple":
      return `[${shape.of.map(shapeText).join(", ")}]`;
    case "object":
      return shape.members.length === 0 ? "Record<string, never>" : `{ ${shape.members.map(memberText).join("; ")} }`;
    case "union":
      return unionText(shape.of);
    case "unknown":
      return shape.python === "" ? "unknown" : `unknown /* ${comment(shape.python)} */`;
  }
}

function listText(of: Shape): string {
  const text = shapeText(of);
  return of.kind === "union" || text.startsWith("unknown /*") ? `(${text})[]` : `${text}[]`;
}

function unionText(of: readonly Shape[]): string {
  const flat = of.flatMap((each) => (each.kind === "union" ? each.of : [each]));
  // `unknown` swallows the others.
  const unsaid = flat.find(({ kind }) => kind === "unknown");
  return unsaid === undefined ? [...new Set(flat.map(shapeText))].join(" | ") : shapeText(unsaid);
}

function mayBeObject(shape: Shape): boolean {
  if (shape.kind === "union") return shape.of.some(mayBeObject);
  return shape.kind === "record" || shape.kind === "object" || shape.kind === "unknown";
}
