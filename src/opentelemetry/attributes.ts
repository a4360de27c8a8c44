/**
 * What spans and measurements are marked with: OpenTelemetry's words for messaging, then Celery's own where its Python instrumentation has
 * them too. The texts are copied: their package is large, and calls all of them experimental.
 */

import type { Attributes } from "@opentelemetry/api";
import type { BrokerName, RunFacts, SendFacts } from "../task/telemetry.ts";

export type Operation = "send" | "process";

/** Of few values, for spans and measurements alike. `messaging.system` is the older name of the second; tools read one of them. */
export function common(broker: BrokerName, operation: Operation, queue: string | undefined): Attributes {
  return {
    "messaging.system": broker.system,
    "messaging.system.name": broker.system,
    "messaging.operation.name": operation,
    "messaging.operation.type": operation,
    ...(queue !== undefined && { "messaging.destination.name": queue }),
    ...(broker.address !== undefined && { "server.address": broker.address }),
    ...(broker.port !== undefined && { "server.port": broker.port }),
  };
}

export function ofSend({ broker, task, queue, id, root, count, schedule }: SendFacts): Attributes {
  return {
    ...common(broker, "send", queue),
    "celery.task_name": task,
    ...(id !== undefined && { "messaging.message.id": id, "messaging.message.conversation_id": root ?? id }),
    ...(count > 1 && { "messaging.batch.message_count": count }),
    ...(schedule !== undefined && { "celeriac.schedule": schedule }),
  };
}

export function ofRun({ broker, worker, task, id, root, queue, attempt }: RunFacts): Attributes {
  return {
    ...common(broker, "process", queue),
    "messaging.message.id": id,
    "messaging.message.conversation_id": root,
    "messaging.client.id": worker,
    "celery.task_name": task,
    "celeriac.attempt": attempt,
  };
}

/** A class name, or a code: few values, as `error.type` wants them. */
export function errorType(error: unknown): string {
  const code: unknown = (error as { readonly code?: unknown } | null | undefined)?.code;
  if (typeof code === "string" && code !== "") return code;
  return error instanceof Error ? error.name : "_OTHER";
}
