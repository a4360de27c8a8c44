/** `ctx.request`, from what the worker sends of the message and what the call says anyway. */

import type { TaskRequest } from "../task/context.ts";
import type { Call, RequestFacts } from "./pool-message.ts";

const noStamps: Readonly<Record<string, unknown>> = Object.freeze({});

export function requestOf(call: Call, headers: Readonly<Record<string, unknown>>): TaskRequest {
  const facts = (call.request === undefined ? {} : JSON.parse(call.request)) as RequestFacts;
  const { lineage } = call;
  return Object.freeze({
    root: lineage.root,
    parent: lineage.parent ?? undefined,
    group: lineage.group ?? undefined,
    groupIndex: facts.groupIndex,
    retries: call.attempt - 1,
    correlationId: facts.correlationId ?? call.id,
    replyTo: facts.replyTo,
    priority: facts.priority ?? 0,
    redelivered: facts.redelivered === true,
    routingKey: call.queue,
    timeLimit: call.hard ?? undefined,
    softTimeLimit: call.soft ?? undefined,
    eta: momentOf(facts.eta),
    expires: momentOf(facts.expires),
    origin: facts.origin,
    shadow: facts.shadow,
    headers,
    stamps: (lineage.stamps as Readonly<Record<string, unknown>> | null) ?? noStamps,
  });
}

/** Where its secrets are. Most calls have none, and are not looked into. */
export function secretsOf({ request }: Call): readonly string[] | undefined {
  return request?.includes('"secrets"') === true ? (JSON.parse(request) as RequestFacts).secrets : undefined;
}

function momentOf(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
