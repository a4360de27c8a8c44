/** `ctx.addToChord`: one more member for the chord that a running task is a member of, counted before it is sent. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Outgoing } from "../port/broker.ts";
import type { Joins } from "../port/joins.ts";
import { parseJson } from "../wire/json.ts";
import { readSignature } from "../wire/signature.ts";
import { followUpId } from "../wire/uuid.ts";
import { failedBy, ownArrival } from "./arrival.ts";
import type { Execution } from "./execution.ts";
import type { SettlementContext } from "./failed-run.ts";
import { isUnsendable, sendAll } from "./follow.ts";

export interface ChordMembersOptions {
  readonly joins: Joins | undefined;
  readonly context: () => SettlementContext;
  readonly publish: (send: readonly Outgoing[]) => Promise<void>;
}

export class ChordMembers {
  readonly #options: ChordMembersOptions;
  /** How many each run has added: a second run adds the same ones again, under the same ids. */
  readonly #added = new WeakMap<Execution, number>();

  constructor(options: ChordMembersOptions) {
    this.#options = options;
  }

  /** Rejects with CONFIG_INVALID outside of a chord, NOT_SUPPORTED without joins, LEASE_LOST where the chord has ended without this run. */
  async add(execution: Execution, text: string): Promise<string> {
    const { joins, context, publish } = this.#options;
    const { headers, embed } = execution;
    const { group, groupIndex } = headers;
    if (group === undefined || embed.chord === null) {
      throw new CeleriacError(
        "CONFIG_INVALID",
        `ctx.addToChord: task ${headers.id} is not a member of a chord. Start it as one: chord(group(…), body).`,
      );
    }
    if (joins === undefined) {
      throw new CeleriacError(
        "NOT_SUPPORTED",
        "ctx.addToChord: results that are sent back (rpc://) are kept nowhere, so nothing counts a chord's members.",
      );
    }
    const number = this.#added.get(execution) ?? 0;
    this.#added.set(execution, number + 1);
    const id = followUpId(headers.id, `member:${String(number)}`);
    const options = { group_id: group, group_index: groupIndex, chord: embed.chord };
    const end = { id, single: true, options };
    // Made first: what cannot be sent must not be waited for.
    const { sends, opens } = sendAll({ ...context(), trace: execution.trace?.place.headers }, headers, [
      { signature: readSignature(parseJson(text)), role: `member:${String(number)}`, end },
    ]);
    if (!(await joins.grow(group, id, true))) {
      throw new CeleriacError(
        "LEASE_LOST",
        `ctx.addToChord: the chord of task ${headers.id} has ended, so another run of this task has ended before.`,
      );
    }
    try {
      if (opens.length > 0) await joins.open(opens);
      await publish(sends);
    } catch (error) {
      // Counted and never sent, it would keep the chord open for ever.
      if (isUnsendable(error)) await joins.arrive(ownArrival({ id, group, groupIndex }, embed, failedBy(error)));
      throw error;
    }
    return id;
  }
}
