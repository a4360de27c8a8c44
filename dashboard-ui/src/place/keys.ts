/** Keys of the keyboard: single ones and pairs such as "g t". What is typed into a field is text and no command, but for Escape. */

import { useEffect, useRef } from "react";

export type KeyTable = Readonly<Record<string, (() => void) | undefined>>;

/** Between the two keys of a pair, ms. */
const pairing = 1_200;

/** All there are, for the list under `?`. */
export const keyList: readonly { readonly keys: string; readonly what: string }[] = [
  { keys: "g o", what: "Overview" },
  { keys: "g t", what: "Tasks" },
  { keys: "g f", what: "Workflows" },
  { keys: "g q", what: "Queues" },
  { keys: "g w", what: "Workers" },
  { keys: "g s", what: "Schedules" },
  { keys: "g d", what: "Dead letters" },
  { keys: "/", what: "Search" },
  { keys: "j", what: "Next row" },
  { keys: "k", what: "Row before" },
  { keys: "Home", what: "The newest tasks" },
  { keys: "End", what: "The oldest tasks" },
  { keys: "x", what: "Select the row" },
  { keys: "r", what: "Retry the selected, or the open one" },
  { keys: "c", what: "Cancel the selected, or the open one" },
  { keys: "e", what: "Edit and run again" },
  { keys: "Enter", what: "Open the full page" },
  { keys: "Escape", what: "Close the panel, drop the selection" },
  { keys: "l", what: "Back to live" },
  { keys: "?", what: "This list" },
];

/** Listens while the component is there. */
export function useKeys(table: KeyTable): void {
  const latest = useRef(table);
  latest.current = table;
  useEffect(() => {
    let first = "";
    let pressed = 0;
    const hear = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (event.key !== "Escape" && isTyping(event.target)) return;
      // Enter and Space belong to the button or link that has the focus.
      if ((event.key === "Enter" || event.key === " ") && isPressable(event.target)) return;
      // And the keys that move a slider to the slider.
      if (isSlider(event.target) && /^(?:Arrow|Page|Home$|End$)/.test(event.key)) return;
      const pair = event.timeStamp - pressed < pairing && first !== "" ? `${first} ${event.key}` : undefined;
      const command =
        (pair === undefined ? undefined : latest.current[pair]) ??
        (first === "" || pair === undefined ? latest.current[event.key] : undefined);
      first = pair === undefined && event.key === "g" ? "g" : "";
      pressed = event.timeStamp;
      if (command === undefined) return;
      event.preventDefault();
      command();
    };
    globalThis.addEventListener("keydown", hear);
    return () => globalThis.removeEventListener("keydown", hear);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "range", "button"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

function isSlider(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type === "range";
}

function isPressable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("button, a, summary, input") !== null;
}
