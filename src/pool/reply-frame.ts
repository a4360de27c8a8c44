/** Child → worker, on the framed pipe: starts, replies, progress, log lines, asks, in the order in which they happened. */

import { parseJson, resultLimits, stringifyJson } from "../wire/json.ts";
import { type FrameDraft, OpenFrame } from "./frame.ts";
import type { Ask, FromChild, Reply, WireError } from "./pool-message.ts";

/** A reply before it is bytes: the far side has text, and text goes into a frame without a copy of its own. */
export type TextReply =
  | { readonly slot: number; readonly k: "value"; readonly text: string; readonly ms: number }
  | Exclude<Reply, { readonly k: "value" }>;

/** What travels in frames; `ready`, `unready` and `alive` go over the control channel. */
export type FramedBack = Exclude<FromChild, { readonly t: "ready" | "unready" | "alive" }>;
export type ProgressItem = Extract<FromChild, { readonly t: "progress" }>["items"][number];
export type LogItem = Extract<FromChild, { readonly t: "log" }>["items"][number];

export function putBegan(draft: FrameDraft, slots: readonly number[]): void {
  draft.item(["b", slots]);
}

export function putLate(draft: FrameDraft, slots: readonly number[]): void {
  draft.item(["o", slots]);
}

export function putReply(draft: FrameDraft, reply: TextReply): void {
  switch (reply.k) {
    case "value":
      draft.item(["v", reply.slot, draft.body(reply.text), reply.ms]);
      return;
    case "error":
      draft.item(["e", reply.slot, draft.body(stringifyJson(reply.error)), reply.ms]);
      return;
    case "control":
      draft.item(["c", reply.slot, draft.body(stringifyJson(reply.detail ?? null)), reply.ms, reply.what]);
  }
}

export function putProgress(draft: FrameDraft, items: readonly ProgressItem[]): void {
  draft.item(["p", items]);
}

export function putLog(draft: FrameDraft, items: readonly LogItem[], dropped: number): void {
  draft.item(["l", items, dropped]);
}

/** Throws NOT_SERIALIZABLE when the ask holds what JSON can't carry. */
export function putAsk(draft: FrameDraft, ask: number, slot: number, what: Ask): void {
  draft.item(["k", ask, slot, draft.body(stringifyJson(what))]);
}

/** Reads a frame; replies that follow each other come as one `done`. */
export function readReplyFrame(bytes: Buffer): FramedBack[] {
  const frame = new OpenFrame(bytes);
  const messages: FramedBack[] = [];
  let replies: Reply[] | undefined;
  for (const item of frame.items) {
    const reply = readReply(item, frame);
    if (reply) {
      if (!replies) {
        replies = [];
        messages.push({ t: "done", replies });
      }
      replies.push(reply);
    } else {
      replies = undefined;
      messages.push(readOther(item, frame));
    }
  }
  return messages;
}

function readReply(item: readonly unknown[], frame: OpenFrame): Reply | undefined {
  const slot = item[1] as number;
  const length = item[2] as number;
  const ms = item[3] as number;
  switch (item[0]) {
    case "v":
      return { slot, k: "value", bytes: frame.body(length), ms };
    case "e":
      return { slot, k: "error", error: parseJson(frame.body(length), resultLimits) as WireError, ms };
    case "c": {
      const what = item[4] as Extract<Reply, { readonly k: "control" }>["what"];
      return { slot, k: "control", what, detail: parseJson(frame.body(length), resultLimits), ms };
    }
    default:
      return undefined;
  }
}

function readOther(item: readonly unknown[], frame: OpenFrame): FramedBack {
  switch (item[0]) {
    case "b":
      return { t: "began", slots: item[1] as readonly number[] };
    case "o":
      return { t: "late", slots: item[1] as readonly number[] };
    case "p":
      return { t: "progress", items: item[1] as readonly ProgressItem[] };
    case "l":
      return { t: "log", items: item[1] as readonly LogItem[], dropped: item[2] as number };
    case "k": {
      const what = parseJson(frame.body(item[3] as number), resultLimits) as Ask;
      return { t: "ask", ask: item[1] as number, slot: item[2] as number, what };
    }
    default:
      throw new TypeError(`unknown item ${String(item[0])} in a frame from a child`);
  }
}
