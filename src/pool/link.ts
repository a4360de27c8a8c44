/** One child as the worker holds it, whatever it is made of. A link starts when it is made and ends once. */

import { putHurry } from "./call-frame.ts";
import type { FrameDraft } from "./frame.ts";
import type { FramedBack } from "./reply-frame.ts";
import type { FromChild, ToChild } from "./pool-message.ts";

export type ControlToChild = Extract<ToChild, { readonly t: "boot" | "probe" }>;
export type ControlFromChild = Extract<FromChild, { readonly t: "ready" | "unready" | "alive" }>;

export interface LinkEvents {
  control(message: ControlFromChild): void;
  /** Called in the order in which the child said it. */
  framed(message: FramedBack): void;
  line(stream: "stdout" | "stderr", text: string, slot: number | undefined): void;
  /** Last of all events, after everything that the child managed to say was handed on. */
  ended(end: LinkEnd): void;
}

/** Its child gets no more calls. */
export function hurry(link: Link): void {
  putHurry(link.draft);
  link.wake();
}

export interface LinkEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;
  /** It never ran: no such program, no memory, no more processes allowed. */
  readonly error?: Error;
}

export interface Link {
  /** Tells children apart: the pid; for a thread its thread id. 0 if it could not be started. */
  readonly id: number;
  readonly pid: number;
  /** What is put here goes out at the end of the turn, in one frame. Call {@link Link.wake} after putting. */
  readonly draft: FrameDraft;
  wake(): void;
  control(message: ControlToChild): void;
  /** Ends it now, whatever it does. */
  kill(): void;
  /** Bytes of memory, read from outside; `undefined` where only the child itself can tell. */
  memory(): Promise<number | undefined>;
}

/** Makes and starts one child. */
export type MakeLink = (events: LinkEvents) => Link;

/** Extension of this package's own files: `.ts` when run from source, `.js` when built. */
export function siblingModule(name: string): URL {
  return new URL(`./${name}${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
}
