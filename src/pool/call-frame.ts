/**
 * Worker → child, on the framed pipe: calls, aborts, answers to asks, stop, in the order in which they were said. Arrays, because
 * a call's dozen member names would cost more than its values.
 */

import { parseJson, resultLimits, stringifyJson } from "../wire/json.ts";
import type { TracePlace } from "../task/telemetry.ts";
import { type FrameDraft, OpenFrame } from "./frame.ts";
import type { Call, GivenCall, ToChild } from "./pool-message.ts";

/** What travels in frames; `boot` and `probe` go over the control channel, which a full pipe does not hold up. */
export type Framed = Exclude<ToChild, { readonly t: "boot" | "probe" }>;
type AbortReason = Extract<ToChild, { readonly t: "abort" }>["reason"];

export function putCall(draft: FrameDraft, call: Call, startBy: number): void {
  const { input, lineage } = call;
  draft.item([
    "r",
    call.slot,
    call.task,
    call.id,
    call.attempt,
    call.fence,
    draft.body(input.bytes),
    input.contentType,
    call.soft,
    call.hard,
    call.isolated ? 1 : 0,
    call.queue,
    call.headers,
    lineage.root === call.id ? 0 : lineage.root,
    lineage.parent,
    lineage.group,
    lineage.stamps === null ? 0 : stringifyJson(lineage.stamps),
    lineage.trace,
    call.checkpoints.length === 0 ? 0 : call.checkpoints,
    call.request ?? 0,
    startBy,
  ]);
}

export function putAbort(draft: FrameDraft, slot: number, reason: AbortReason): void {
  draft.item(["a", slot, reason]);
}

/** `value` may be whatever our JSON carries: integers beyond 2^53, dates, bytes. */
export function putAnswer(draft: FrameDraft, ask: number, ok: boolean, value: unknown, code: string | undefined): void {
  const length = value === undefined ? -1 : draft.body(stringifyJson(value));
  draft.item(["y", ask, ok ? 1 : 0, length, code ?? null]);
}

export function putHurry(draft: FrameDraft): void {
  draft.item(["h"]);
}

export function putStop(draft: FrameDraft, grace: number): void {
  draft.item(["s", grace]);
}

/** Reads a frame; calls that follow each other come as one `run`. */
export function readCallFrame(bytes: Buffer): Framed[] {
  const frame = new OpenFrame(bytes);
  const messages: Framed[] = [];
  let calls: GivenCall[] | undefined;
  for (const item of frame.items) {
    if (item[0] === "r") {
      if (!calls) {
        calls = [];
        messages.push({ t: "run", calls });
      }
      calls.push(readCall(item, frame));
    } else {
      calls = undefined;
      messages.push(readOther(item, frame));
    }
  }
  return messages;
}

type CallItem = readonly [
  tag: "r",
  slot: number,
  task: string,
  id: string,
  attempt: number,
  fence: number,
  length: number,
  contentType: string,
  soft: number | null,
  hard: number | null,
  isolated: number,
  queue: string,
  headers: string,
  root: string | 0,
  parent: string | null,
  group: string | null,
  stamps: string | 0,
  trace: TracePlace | null,
  checkpoints: Call["checkpoints"] | 0,
  request: string | 0,
  startBy: number,
];

function readCall(item: readonly unknown[], frame: OpenFrame): GivenCall {
  const call = item as unknown as CallItem;
  return {
    slot: call[1],
    task: call[2],
    id: call[3],
    attempt: call[4],
    fence: call[5],
    input: { contentType: call[7], bytes: frame.body(call[6]) },
    soft: call[8],
    hard: call[9],
    isolated: call[10] === 1,
    queue: call[11],
    headers: call[12],
    lineage: {
      root: call[13] === 0 ? call[3] : call[13],
      parent: call[14],
      group: call[15],
      stamps: call[16] === 0 ? null : (parseJson(call[16]) as object),
      trace: call[17],
    },
    checkpoints: call[18] === 0 ? none : call[18],
    ...(call[19] !== 0 && { request: call[19] }),
    startBy: call[20],
  };
}

const none: Call["checkpoints"] = [];

function readOther(item: readonly unknown[], frame: OpenFrame): Framed {
  switch (item[0]) {
    case "a":
      return { t: "abort", slot: item[1] as number, reason: item[2] as AbortReason };
    case "y": {
      const length = item[3] as number;
      const value = length < 0 ? undefined : parseJson(frame.body(length), resultLimits);
      const code = item[4] as string | null;
      return { t: "reply", ask: item[1] as number, ok: item[2] === 1, value, ...(code === null ? {} : { code }) };
    }
    case "h":
      return { t: "hurry" };
    case "s":
      return { t: "stop", grace: item[1] as number };
    default:
      throw new TypeError(`unknown item ${String(item[0])} in a frame for a child`);
  }
}
