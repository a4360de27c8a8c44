/**
 * What deaths left on a message: was it handed out before, and how often did its process die. Edited in the text itself, so that
 * big integers, escapes and key order of everything else stay as the sender wrote them.
 */

import { type MemberSpan, membersOf, skipSpace } from "./json-scan.ts";
import type { Message } from "./message.ts";

export interface Marks {
  readonly redelivered: boolean;
  /** Starts that ended in the death of their process, alone. */
  readonly crashes: number;
  /** Deaths of a process in which it ran beside others. */
  readonly suspicions: number;
}

const crashesHeader = "celeriac.crashes";
const suspicionsHeader = "celeriac.suspicions";
const markHeaders: ReadonlySet<string> = new Set(["redelivered", crashesHeader, suspicionsHeader]);
const redeliveredOnly: ReadonlySet<string> = new Set(["redelivered"]);

export function readMarks(message: Message): Marks {
  return {
    redelivered: message.headers["redelivered"] === true,
    crashes: countOf(message.headers[crashesHeader]),
    suspicions: countOf(message.headers[suspicionsHeader]),
  };
}

/**
 * The same text with these marks and no others: in the headers, and for Python in `properties.delivery_info`. Marks that are false
 * or 0 are taken out. Text that is no envelope comes back as it is.
 */
export function spliceMarks(raw: string, marks: Marks): string {
  const envelope = membersOf(raw, skipSpace(raw, 0));
  if (envelope === undefined) return raw;
  const headers = objectAt(raw, envelope.members, "headers");
  if (headers === undefined) return raw;
  const written: string[] = [];
  if (marks.redelivered) written.push('"redelivered":true');
  if (marks.crashes > 0) written.push(`"${crashesHeader}":${marks.crashes}`);
  if (marks.suspicions > 0) written.push(`"${suspicionsHeader}":${marks.suspicions}`);
  const edits: Edit[] = [];
  replaceMembers(headers, markHeaders, written, edits);
  const properties = objectAt(raw, envelope.members, "properties");
  const info = properties === undefined ? undefined : objectAt(raw, properties.members, "delivery_info");
  if (info !== undefined) replaceMembers(info, redeliveredOnly, marks.redelivered ? ['"redelivered":true'] : [], edits);
  return applyEdits(raw, edits);
}

interface ObjectSpan {
  readonly start: number;
  readonly members: readonly MemberSpan[];
}
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The last member of that name, because readers take the last of duplicates. */
function objectAt(raw: string, members: readonly MemberSpan[], key: string): ObjectSpan | undefined {
  const member = members.findLast((member) => member.key === key);
  if (member === undefined) return undefined;
  const inside = membersOf(raw, member.value);
  return inside === undefined ? undefined : { start: member.value, members: inside.members };
}

/** Takes every member with one of `names` out, its comma included, and puts `written` at the end. */
function replaceMembers(
  object: ObjectSpan,
  names: ReadonlySet<string>,
  written: readonly string[],
  edits: Edit[],
): void {
  const { members } = object;
  let keptBefore = 0;
  for (const [index, member] of members.entries()) {
    if (!names.has(member.key)) {
      keptBefore += 1;
      continue;
    }
    const former = members[index - 1];
    const next = members[index + 1];
    if (keptBefore > 0 && former !== undefined) edits.push({ from: former.to, to: member.to, text: "" });
    else edits.push({ from: member.from, to: next?.from ?? member.to, text: "" });
  }
  if (written.length === 0) return;
  const end = members.at(-1)?.to ?? object.start + 1;
  edits.push({ from: end, to: end, text: (keptBefore > 0 ? "," : "") + written.join(",") });
}

/** Edits do not overlap; insertions stand where deletions end. */
function applyEdits(raw: string, edits: readonly Edit[]): string {
  let text = "";
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.from - b.from || a.to - b.to)) {
    text += raw.slice(at, edit.from) + edit.text;
    at = edit.to;
  }
  return text + raw.slice(at);
}

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
