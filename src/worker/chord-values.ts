/**
 * The results of a chord's members as one JSON list, in their order, as the exact text in which each was stored. Where a group's list of
 * members was saved under the chord's id (Celery does so for groups inside a header), its shape is kept.
 */

import type { JoinMember, Joins } from "../port/joins.ts";
import type { ResultStore } from "../port/result-store.ts";
import { stringifyJson } from "../wire/json.ts";
import { decodeTaskMeta, isFinal } from "../wire/outcome.ts";

/** Members read at a time. */
const page = 500;
/** Groups in groups in a saved list. */
const deepest = 60;
const decoder = new TextDecoder();

export type ChordValues =
  | { readonly kind: "all"; readonly json: string }
  | { readonly kind: "failed"; readonly member: JoinMember }
  /** Closed by another meanwhile. */
  | { readonly kind: "gone" }
  /** Full by its count, and a member that its saved list names has not ended: a peer counted fewer. */
  | { readonly kind: "early" };

export async function chordValues(store: ResultStore, joins: Joins, group: string): Promise<ChordValues> {
  const texts = new Map<string, string>();
  const list: string[] = [];
  for (let read = 0; ;) {
    const members = await joins.members(group, read, page);
    for (const member of members) {
      if (member.state !== "SUCCESS") return { kind: "failed", member };
      const text = decoder.decode(member.value);
      list.push(text);
      texts.set(member.member, text);
    }
    read += members.length;
    if (members.length < page) break;
  }
  if (list.length === 0) return { kind: "gone" };
  const saved = await joins.saved(group);
  const shape = saved && shapeIn(saved);
  if (shape === undefined || !nested(shape)) return { kind: "all", json: `[${list.join(",")}]` };
  return shaped(store, shape, texts);
}

type Shape = { readonly id: string } | { readonly members: readonly Shape[] };

/** A saved `{"result": [[id, parent], [child, …]]}`; `undefined` if it is anything else. */
export function shapeIn(bytes: Uint8Array): Shape | undefined {
  try {
    const { result } = JSON.parse(decoder.decode(bytes)) as { readonly result?: unknown };
    return shapeOf(result, 0);
  } catch {
    return undefined;
  }
}

function shapeOf(tuple: unknown, depth: number): Shape | undefined {
  if (!Array.isArray(tuple) || depth > deepest) return undefined;
  const [head, children] = tuple as readonly unknown[];
  const id: unknown = Array.isArray(head) ? head[0] : undefined;
  if (!Array.isArray(children)) return typeof id === "string" ? { id } : undefined;
  const members = children.map((child) => shapeOf(child, depth + 1));
  return members.every((member) => member !== undefined) ? { members } : undefined;
}

function nested(shape: Shape): boolean {
  return "members" in shape && shape.members.some((member) => "members" in member);
}

async function shaped(store: ResultStore, shape: Shape, texts: Map<string, string>): Promise<ChordValues> {
  const missing = idsOf(shape).filter((id) => !texts.has(id));
  for (let at = 0; at < missing.length; at += page) {
    const ids = missing.slice(at, at + page);
    const outcomes = await store.get(ids);
    for (const [index, id] of ids.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined || !isFinal(outcome.state)) return { kind: "early" };
      if (outcome.state !== "SUCCESS") {
        const value = stringifyJson(decodeTaskMeta(outcome.meta).result);
        return { kind: "failed", member: { index: 0, member: id, state: outcome.state, value: Buffer.from(value) } };
      }
      texts.set(id, stringifyJson(decodeTaskMeta(outcome.meta).result));
    }
  }
  const text = (one: Shape): string =>
    "members" in one ? `[${one.members.map(text).join(",")}]` : (texts.get(one.id) ?? "null");
  return { kind: "all", json: text(shape) };
}

function idsOf(shape: Shape): readonly string[] {
  return "members" in shape ? shape.members.flatMap(idsOf) : [shape.id];
}
