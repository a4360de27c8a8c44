/**
 * `ctx.replace`: a run that answers with another task, or with a workflow, which goes on under its id. Its callbacks, its error callbacks,
 * the chord it is a member of, its stamps and the rest of its chain become those of what replaces it. Nothing is stored for the run itself.
 */

import { gathered, listOf, shapeOf, withMore } from "../canvas/composite.ts";
import type { Outgoing } from "../port/broker.ts";
import { callHeader } from "../wire/call-mark.ts";
import type { Embed } from "../wire/task-body.ts";
import { readSignature, type Signature } from "../wire/signature.ts";
import type { TaskHeaders } from "../wire/task-message.ts";
import { type Ending, list } from "./ending.ts";
import type { Execution } from "./execution.ts";
import type { SettlementContext } from "./failed-run.ts";
import { type Follow, sendAll } from "./follow.ts";

/** Throws MESSAGE_UNDECODABLE for what is no signature, or none that a task can be replaced by. */
export function replaced(context: SettlementContext, execution: Execution, detail: unknown, ms: number): Ending {
  const { headers, embed, delivery } = execution;
  const signature = readSignature(detail);
  const follow = replacementOf(context, headers, embed, signature);
  const [only] = follow.sends;
  const end = { kind: "replaced", ms, by: signature.task } as const;
  // One message under the same id takes this one's place; of a workflow the last one will have it.
  if (only !== undefined && follow.sends.length === 1 && only.message.headers["id"] === headers.id) {
    const { dedupe: _name, ...sent } = only;
    const next = keepingKey(sent, execution);
    return { settlement: { delivery, then: { kind: "replace", next } }, end, also: [] };
  }
  return {
    settlement: { delivery, then: { kind: "ack" }, ...list("follow", follow.sends) },
    end,
    also: [],
    ...list("opens", follow.opens),
  };
}

/** It goes on as the same task, so it goes on standing for the calls. */
function keepingKey(next: Outgoing, { message }: Execution): Outgoing {
  const mark = message.headers[callHeader];
  if (mark === undefined) return next;
  return { ...next, message: { ...next.message, headers: { ...next.message.headers, [callHeader]: mark } } };
}

function replacementOf(context: SettlementContext, headers: TaskHeaders, embed: Embed, signature: Signature): Follow {
  const nesting = headers.replacedTaskNesting + 1;
  const rest = embed.chain ?? [];
  // With more to come in its chain, the last of that is the member.
  const member = rest.length > 0 ? {} : membership(headers, embed);
  return sendAll(context, headers, [
    {
      signature: carrying(single(signature), embed),
      role: `replace:${String(nesting)}`,
      rest: rest.map((step) => withMore(step, { replaced_task_nesting: nesting })),
      end: { id: headers.id, single: true, options: { ...member, replaced_task_nesting: nesting } },
    },
  ]);
}

function membership({ group, groupIndex }: TaskHeaders, { chord }: Embed): Readonly<Record<string, unknown>> {
  return {
    ...(group !== undefined && { group_id: group }),
    ...(groupIndex !== undefined && { group_index: groupIndex }),
    ...(chord !== null && { chord }),
  };
}

/** A group has no end of its own that callbacks could wait for: Celery's rule is a chord of it. */
function single(signature: Signature): Signature {
  return shapeOf(signature) === "group" ? gathered(signature) : signature;
}

/** With the callbacks of what it replaces, before it was given an id of its own to lose. */
function carrying(signature: Signature, { callbacks, errbacks }: Embed): Signature {
  const { task_id: _own, ...options } = signature.options;
  const links = [...listOf(options["link"]), ...(callbacks ?? [])];
  const errors = [...listOf(options["link_error"]), ...(errbacks ?? [])];
  return {
    ...signature,
    options: {
      ...options,
      ...(links.length > 0 && { link: links }),
      ...(errors.length > 0 && { link_error: errors }),
    },
  };
}
