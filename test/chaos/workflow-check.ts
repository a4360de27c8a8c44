/** What must hold of the parts of one workflow, beside what must hold of every task. Pure functions. */

import type { Final } from "./checker.ts";
import type { History } from "./history.ts";
import { type Kind, partsOf } from "./workload.ts";

/** Parts that did not end as they must, what began before what it waits for, and bodies that were given other results than are stored. */
export function brokenWorkflow(
  job: { readonly id: string; readonly kind: Kind },
  finals: ReadonlyMap<string, Final>,
  history: History,
): string[] {
  const { id, kind } = job;
  const parts = partsOf(job);
  const broken: string[] = [];
  for (const [index, part] of parts.entries()) {
    const wanted = kind === "failing" && index === 0 ? "FAILURE" : "SUCCESS";
    const state = finals.get(part)?.state;
    if (state !== wanted) broken.push(`part: ${part} (${kind}) ended ${state ?? "nowhere"}`);
  }
  const firstStart = (of: string): number => Math.min(...history.of(of).starts.map(({ t }) => t));
  const firstEnd = (of: string): number => Math.min(...history.of(of).ends.map(({ t }) => t));
  const waits: readonly (readonly [string, readonly string[]])[] =
    kind === "chain"
      ? [...parts, id].slice(1).map((step, index) => [step, [parts[index] ?? ""]] as const)
      : kind === "chord" || kind === "replaced"
        ? [[id, parts]]
        : [];
  for (const [step, before] of waits) {
    const early = before.find((one) => firstStart(step) < firstEnd(one));
    if (early !== undefined) broken.push(`early: ${step} (${kind}) began before ${early} had ended`);
  }
  if (kind === "failing") {
    const after = finals.get(`${id}-after`)?.state;
    if (after !== "SUCCESS") broken.push(`untold: the error callback of ${id} ended ${after ?? "nowhere"}`);
    if (history.of(id).starts.length > 0) broken.push(`body: that of ${id} ran though a member had failed`);
  }
  if (kind === "chord" || kind === "replaced") {
    const given = membersOf(finals.get(id));
    const stored = parts.map((part) => tokenOf(finals.get(part)));
    if (given !== undefined && given.join() !== stored.join())
      broken.push(`mixed: the body of ${id} was given ${given.join()}, and ${stored.join()} are stored`);
  }
  return broken;
}

function tokenOf(final: Final | undefined): string {
  return String(jsonOf(final)?.["token"]);
}

function membersOf(final: Final | undefined): readonly unknown[] | undefined {
  const of = jsonOf(final)?.["of"];
  return Array.isArray(of) ? (of as readonly unknown[]) : undefined;
}

function jsonOf(final: Final | undefined): Readonly<Record<string, unknown>> | undefined {
  return final?.state === "SUCCESS" ? (JSON.parse(final.result) as Readonly<Record<string, unknown>>) : undefined;
}
