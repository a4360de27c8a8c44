/** Which rows are selected: some, or all that match, however many those are. */

import type { TaskFilter, TaskSelection } from "../../../../src/dashboard/contract.ts";

export type Selection =
  | { readonly kind: "some"; readonly ids: ReadonlySet<string> }
  /** `expect`: how many the person saw. */
  | { readonly kind: "all"; readonly expect: number };

export const nothing: Selection = { kind: "some", ids: new Set() };

export function withToggled(selection: Selection, id: string): Selection {
  const ids = new Set(selection.kind === "some" ? selection.ids : []);
  if (!ids.delete(id)) ids.add(id);
  return { kind: "some", ids };
}

/** All rows that are loaded, or none of them if all are selected already. */
export function withLoaded(selection: Selection, loaded: readonly string[]): Selection {
  const all = selection.kind === "some" && loaded.every((id) => selection.ids.has(id));
  return all || selection.kind === "all" ? nothing : { kind: "some", ids: new Set(loaded) };
}

export function isSelected(selection: Selection, id: string): boolean {
  return selection.kind === "all" || selection.ids.has(id);
}

export function sizeOf(selection: Selection): number {
  return selection.kind === "all" ? selection.expect : selection.ids.size;
}

/** As an action names them. */
export function asTasks(selection: Selection, filter: TaskFilter): TaskSelection {
  return selection.kind === "all" ? { filter, expect: selection.expect } : { ids: [...selection.ids] };
}
