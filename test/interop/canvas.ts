/** Rows on workflows: who starts one is the row's direction; its steps are of both languages. */

import { type AnySignature, Signature, type SignatureOptions } from "../../src/index.ts";
import type { Behaviour, Servers } from "./behaviour.ts";
import type { ReleaseName } from "./release.ts";
import type { Stage } from "./stage.ts";

/** Where results are kept and anybody may read them. */
export const stored: readonly Servers[] = ["redis", "rabbitmq"];

interface Starts {
  readonly ours?: (stage: Stage) => Promise<void>;
  readonly theirs?: (stage: Stage) => Promise<void>;
  readonly on?: readonly Servers[];
  readonly since?: ReleaseName;
}

/** The row, in each direction that it has. */
export function canvas(name: string, { ours, theirs, on = stored, since }: Starts): readonly Behaviour[] {
  const row = (direction: Behaviour["direction"], run: Starts["ours"]): readonly Behaviour[] =>
    run === undefined ? [] : [{ name: `canvas: ${name}`, direction, on, ...(since && { since }), run }];
  return [...row("TypeScript → Python", ours), ...row("Python → TypeScript", theirs)];
}

interface StepParts extends SignatureOptions {
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly immutable?: boolean;
}

/** A call of a task of either side, for the queue that its worker serves: who runs what is certain. `step` in Python is the same. */
export function step<R = unknown>(
  task: `${"py" | "ts"}.${string}`,
  args: readonly unknown[] = [],
  { kwargs = {}, immutable = false, ...options }: StepParts = {},
): Signature<unknown, R> {
  return new Signature({ task, args, kwargs, immutable, options: { queue: task.slice(0, 2), ...options } });
}

/** As an argument for a task. */
export function asJson(signature: AnySignature): unknown {
  return JSON.parse(JSON.stringify(signature));
}
