/** A state as a person sees it: one word, one colour, one shape. */

import type { ReactNode } from "react";
import type { TaskState } from "../../../src/dashboard/contract.ts";

/** Written out, because the style sheet holds only classes that stand somewhere. */
export const stateInk: Readonly<Record<TaskState, string>> = {
  queued: "text-queued",
  delayed: "text-delayed",
  running: "text-running",
  retrying: "text-retrying",
  succeeded: "text-succeeded",
  failed: "text-failed",
  revoked: "text-revoked",
  dead: "text-dead",
};

export const stateFill: Readonly<Record<TaskState, string>> = {
  queued: "bg-queued",
  delayed: "bg-delayed",
  running: "bg-running",
  retrying: "bg-retrying",
  succeeded: "bg-succeeded",
  failed: "bg-failed",
  revoked: "bg-revoked",
  dead: "bg-dead",
};

const shapes: Readonly<Record<TaskState, ReactNode>> = {
  queued: <circle cx="6" cy="6" r="4" />,
  delayed: (
    <>
      <circle cx="6" cy="6" r="4.5" />
      <path d="M6 3.5V6l1.8 1.2" />
    </>
  ),
  running: <path d="M3.5 2.2v7.6L10 6z" fill="currentColor" />,
  retrying: <path d="M10 6a4 4 0 1 1-1.3-3M9 .8v2.6H6.4" />,
  succeeded: <path d="m2 6.5 2.8 2.8L10 3" />,
  failed: <path d="m2.5 2.5 7 7m0-7-7 7" />,
  revoked: (
    <>
      <circle cx="6" cy="6" r="4.5" />
      <path d="m3 3 6 6" />
    </>
  ),
  dead: <path d="M6 .9 11.1 6 6 11.1.9 6zM6 3.6v2.8m0 1.6v.2" />,
};

/** The shape alone; the word must stand beside it. */
export function StateShape({ state }: { readonly state: TaskState }) {
  return (
    <svg
      viewBox="0 0 12 12"
      className={`size-3 shrink-0 ${stateInk[state]}`}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.7"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {shapes[state]}
    </svg>
  );
}

export function StateMark({ state }: { readonly state: TaskState }) {
  return (
    // The word stands on the line of the words beside it; a shape that is centred would lift it.
    <span className={`inline-flex items-baseline gap-1.5 whitespace-nowrap ${stateInk[state]}`}>
      <span className="self-center">
        <StateShape state={state} />
      </span>
      {state}
    </span>
  );
}
