/** What a worker told of a child, in one line. */

import type { WorkerDetail } from "../../../../src/dashboard/contract.ts";

type Detail = WorkerDetail["incidents"][number]["detail"];

export function incidentText(detail: Detail): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => (typeof value === "boolean" ? `${value ? "" : "not "}${name}` : `${name} ${String(value)}`))
    .join(", ");
}

/** Children start and retire all day; red is for those that ended otherwise. */
export function wentWrong(kind: string, { expected }: Detail): boolean {
  return kind === "killed" || (kind === "exited" && expected === false);
}
