/** An execution as the far side of a pool gets it: plain data, its input still bytes. */

import type { Call, RequestFacts } from "../pool/pool-message.ts";
import { secretPointers } from "../wire/cover.ts";
import { stringifyJson } from "../wire/json.ts";
import { attemptOf, type Execution } from "./execution.ts";
import type { IntakeRules } from "./unrun.ts";

/** Of time limits what the message says comes first, then what was set while the worker runs, then the task's own. */
export function callOf(execution: Execution, rules?: Pick<IntakeRules, "limitOf">): Call {
  const { headers, definition, delivery, claim } = execution;
  const limit = rules?.limitOf?.(headers.task);
  return {
    slot: execution.slot,
    task: headers.task,
    id: headers.id,
    attempt: attemptOf(execution),
    fence: claim.fence,
    input: { contentType: execution.message.contentType, bytes: execution.call },
    soft: headers.timeLimit.soft ?? limit?.soft ?? definition.softTimeLimit ?? null,
    hard: headers.timeLimit.hard ?? limit?.hard ?? definition.timeLimit ?? null,
    checkpoints: execution.checkpoints,
    lineage: {
      root: headers.rootId ?? headers.id,
      parent: headers.parentId ?? null,
      group: headers.group ?? null,
      stamps: isEmpty(headers.stamps) ? null : headers.stamps,
      trace: execution.trace?.place ?? null,
    },
    isolated: execution.isolated,
    queue: delivery.queue,
    headers: isEmpty(headers.custom) ? "{}" : stringifyJson(headers.custom),
    ...(definition.ack === "early" && { unleased: true }),
    ...(definition.batch && { batch: definition.batch }),
    ...requestOf(execution),
  };
}

/** Written only where something is not the usual, which it is in most of our own messages. */
function requestOf({ headers, delivery, message }: Execution): Pick<Call, "request"> | undefined {
  const { id, groupIndex, eta, expires, origin, shadow } = headers;
  const secrets = secretPointers(message.headers);
  const { correlationId = id, replyTo, priority = 0 } = message.properties;
  const plain = correlationId === id && replyTo === undefined && priority === 0 && !delivery.redelivered;
  const bare = groupIndex ?? eta ?? expires ?? origin ?? shadow;
  if (plain && bare === undefined && secrets.length === 0) return undefined;
  const facts: RequestFacts = {
    ...(correlationId !== id && { correlationId }),
    ...(replyTo !== undefined && { replyTo }),
    ...(priority !== 0 && { priority }),
    ...(delivery.redelivered && { redelivered: true }),
    ...(groupIndex !== undefined && { groupIndex }),
    ...(eta !== undefined && { eta }),
    ...(expires !== undefined && { expires }),
    ...(origin !== undefined && { origin }),
    ...(shadow !== undefined && { shadow }),
    ...(secrets.length > 0 && { secrets }),
  };
  return isEmpty(facts as Readonly<Record<string, unknown>>) ? undefined : { request: JSON.stringify(facts) };
}

export function isEmpty(record: Readonly<Record<string, unknown>>): boolean {
  for (const key in record) if (Object.hasOwn(record, key)) return false;
  return true;
}
