/** A header by which a message says that it stands for all calls with one key, and when it gives the key up. Python ignores it. */

import { redactHeader, secretHeader } from "./cover.ts";
import { fairHeader } from "./fair.ts";
import { isRecord } from "./record.ts";

export const callHeader = "celeriac.call";
/** Ours that come with a call: which calls it stands for, whose bucket a rate counts in, among whose runs it counts, whose turn it is, what of its input nobody is to see. */
export const callHeaders: ReadonlySet<string> = new Set([
  callHeader,
  "celeriac.key",
  "celeriac.slot",
  fairHeader,
  redactHeader,
  secretHeader,
]);

export interface CallMark {
  /** Named within the queue. */
  readonly key: string;
  /** Where the key counts; where the message lies may be another one by now. */
  readonly queue: string;
  /** Until its task starts, until it ends, or for so long (ms) from the call that opened it. */
  readonly hold: "start" | "end" | number;
  /** The key is given up, ms after the last that was heard of it. */
  readonly life: number;
  /** What the sender called it, for those who ask why it waits. */
  readonly by: CallKind;
}

/** What a call with a key asks for. */
export interface CallTerms extends Pick<CallMark, "key" | "hold" | "life"> {
  /**
   * Where another stands for the key: "join" leaves it at that; "replace" takes the place of one that waits; "after" does the same, and where
   * none waits, waits for the end of the run or of the period.
   */
  readonly conflict: "join" | "replace" | "after";
  /** Starts when no call has come for `wait` ms, and at the latest `most` ms after the first one. */
  readonly quiet?: { readonly wait: number; readonly most: number } | undefined;
}

export type CallKind = "unique" | "queueLatest" | "debounce" | "throttle";

const kinds: ReadonlySet<unknown> = new Set<CallKind>(["unique", "queueLatest", "debounce", "throttle"]);
const longestText = 1_024;

/** `undefined` where there is none, or one that nobody could have written: headers come from anywhere. */
export function readCallMark(headers: Readonly<Record<string, unknown>>): CallMark | undefined {
  const mark = headers[callHeader];
  if (mark === undefined || !isRecord(mark)) return undefined;
  const { key, queue, hold, life, by } = mark;
  if (!isText(key) || !isText(queue) || !isLength(life) || !kinds.has(by)) return undefined;
  if (hold !== "start" && hold !== "end" && !isLength(hold)) return undefined;
  return { key, queue, hold, life, by: by as CallKind };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= longestText;
}

function isLength(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
