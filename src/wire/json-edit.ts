/** Takes members out of JSON text and puts others in: every byte that is not meant stays as its writer left it. */

import { type MemberSpan, membersOf } from "./json-scan.ts";

export interface ObjectSpan {
  readonly start: number;
  readonly members: readonly MemberSpan[];
}
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The last member of that name, because readers take the last of duplicates. */
export function objectAt(raw: string, members: readonly MemberSpan[], key: string): ObjectSpan | undefined {
  const member = members.findLast((member) => member.key === key);
  if (member === undefined) return undefined;
  const inside = membersOf(raw, member.value);
  return inside === undefined ? undefined : { start: member.value, members: inside.members };
}

/** Takes every member with one of `names` out, its comma included, and puts `written` at the end. */
export function replaceMembers(
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
export function applyEdits(raw: string, edits: readonly Edit[]): string {
  let text = "";
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.from - b.from || a.to - b.to)) {
    text += raw.slice(at, edit.from) + edit.text;
    at = edit.to;
  }
  return text + raw.slice(at);
}
