/**
 * Sending calls that have a key: who is told that another task waits with it sends once more, in the place of that one, until it is known which
 * task stands for the call. Each round is one publish for all that are open.
 */

import type { Outgoing, Published } from "../port/broker.ts";
import type { Draft } from "./draft.ts";
import type { Stood } from "./sent.ts";

/** Others must have moved on between each question and answer to come so far. */
const rounds = 50;

/** Whether any of them has a key. */
export function anyStands(drafts: readonly Draft[]): boolean {
  return drafts.some(({ claim }) => claim !== undefined);
}

/** The answers in the order of the drafts, of which `batch` is what is sent first. */
export async function sendStanding(
  drafts: readonly Draft[],
  batch: readonly Outgoing[],
  write: (draft: Draft) => Outgoing,
  submit: (batch: readonly Outgoing[]) => Promise<readonly Published[]>,
): Promise<readonly (Published | Stood)[]> {
  const answers: (Published | Stood)[] = [];
  let open = drafts.map((draft, index) => ({ index, draft }));
  for (let round = 0; open.length > 0; round++) {
    const given = await submit(round === 0 ? batch : open.map(({ draft }) => write(draft)));
    const again: { index: number; draft: Draft }[] = [];
    for (const [at, { index, draft }] of open.entries()) {
      const answer = given[at];
      const original = drafts[index];
      if (answer === undefined || original === undefined) continue;
      answers[index] = stoodAs(answer, draft);
      if (round === rounds) continue;
      if (answer.kind === "gone") again.push({ index, draft: original });
      else if (answer.kind === "held" && answer.how === "replace")
        again.push({ index, draft: inPlaceOf(original, answer.id) });
    }
    open = again;
  }
  return answers;
}

/** The same call in the place of the task with this id, which waits. */
function inPlaceOf(draft: Draft, id: string): Draft {
  return { ...draft, id, once: draft.id, root: draft.root === draft.id ? id : draft.root };
}

function stoodAs(answer: Published, { id, once }: Draft): Published | Stood {
  if (answer.kind === "held" && answer.how === "join") return { kind: "joined", id: answer.id };
  return answer.kind === "accepted" && once !== undefined ? { kind: "replaced", id } : answer;
}
