/**
 * What a message says of the steps after it: the rest of its chain, callbacks, and the body of the chord that it is a member of. Told with
 * `task-sent` and `task-received`, so that a monitor can draw what is not sent yet. Ids are those that whoever sent it has fixed.
 */

import { chordParts, listOf, partsOf, shapeOf } from "../canvas/composite.ts";
import type { Signature } from "../wire/signature.ts";
import type { Embed } from "../wire/task-body.ts";

/** A task that is sent once others have succeeded. */
export interface PlannedStep {
  readonly id: string;
  readonly name: string;
  /** Ids of those whose success it waits for. */
  readonly after: readonly string[];
  /** It waits for all members of this group: the body of a chord. */
  readonly joins?: string;
  /** Of which group it will be a member. */
  readonly group?: string;
}

/** Each message tells its part; a monitor puts the parts together. */
const mostSteps = 50;
/** Of a wide group in the middle of a chain. */
const mostBefore = 20;

/** Empty for a task by itself, and for what nobody can read. */
export function plannedSteps(
  task: { readonly id: string; readonly group: string | undefined },
  embed: Embed,
): readonly PlannedStep[] {
  if (!embed.chain?.length && !embed.callbacks?.length && embed.chord === null) return [];
  const plan = new Planning();
  try {
    for (const callback of embed.callbacks ?? []) plan.add(callback, [task.id]);
    plan.follow(embed.chain ?? [], [task.id]);
    if (embed.chord !== null && task.group !== undefined) plan.add(embed.chord, [], task.group);
  } catch {
    // It comes out of a message: who has to send it says what is wrong with it.
  }
  return plan.steps;
}

/** An event's fields, and what is planned if anything is. */
export function withPlanned(
  fields: Readonly<Record<string, unknown>>,
  task: { readonly id: string; readonly group: string | undefined },
  embed: Embed,
): Readonly<Record<string, unknown>> {
  const planned = plannedSteps(task, embed);
  return planned.length === 0 ? fields : { ...fields, planned };
}

class Planning {
  readonly steps: PlannedStep[] = [];

  /** `rest`: last first, as in a message. */
  follow(rest: readonly Signature[], after: readonly string[]): readonly string[] {
    return rest.toReversed().reduce((before, step) => this.add(step, before), after);
  }

  /** Answers with the ids of those that end it. */
  add(signature: Signature, after: readonly string[], joins?: string): readonly string[] {
    if (this.steps.length >= mostSteps) return [];
    const own = listOf(signature.options["chain"]);
    switch (shapeOf(signature)) {
      case "chain": {
        const [first, ...later] = partsOf(signature);
        if (first === undefined) return after;
        return this.follow([...own, ...later.toReversed()], this.add(first, after, joins));
      }
      case "group":
        return this.follow(
          own,
          partsOf(signature)
            .flatMap((member) => this.add(member, after, joins))
            .slice(0, mostBefore),
        );
      case "chord": {
        const { header, body } = chordParts(signature);
        const ends = this.add(header, after, joins);
        const { task_id: group } = header.options;
        return this.follow(own, this.add(body, typeof group === "string" ? [] : ends, textOf(group)));
      }
      default:
        return this.follow(own, this.#task(signature, after, joins));
    }
  }

  #task({ task: name, options }: Signature, after: readonly string[], joins: string | undefined): readonly string[] {
    const { task_id: id, group_id, chord } = options;
    if (typeof id !== "string") return after;
    const group = textOf(group_id);
    this.steps.push({ id, name, after, ...(joins !== undefined && { joins }), ...(group !== undefined && { group }) });
    const [body] = listOf(chord);
    if (body !== undefined && group !== undefined) this.add(body, [], group);
    return [id];
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
