/**
 * What deaths left on a message: was it handed out before, and how often did its process die. Edited in the text itself, so that
 * big integers, escapes and key order of everything else stay as the sender wrote them.
 */

import { applyEdits, type Edit, objectAt, replaceMembers } from "./json-edit.ts";
import { membersOf, skipSpace } from "./json-scan.ts";
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

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
