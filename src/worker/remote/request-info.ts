/** A task in a worker's hands, as Celery's workers list theirs. */

import { decodeCall } from "../../wire/task-body.ts";
import { shownCall } from "../../event/exposure.ts";
import { coverCall } from "../../wire/cover.ts";
import { pointersOf } from "../covering.ts";
import type { Execution } from "../execution.ts";

/** Arguments of more bytes are shown as Python prints them, which is cut: a list of a thousand tasks must stay one that can be sent. */
const longestArguments = 4096;

/** `safe`: arguments as Python prints them, never as they are. */
export function requestInfo(execution: Execution, node: string, safe: boolean): Readonly<Record<string, unknown>> {
  const { headers, message, delivery } = execution;
  const running = execution.slot !== 0;
  return {
    id: headers.id,
    name: headers.shadow ?? headers.task,
    ...argumentsOf(execution, safe),
    type: headers.task,
    hostname: node,
    time_start: running && execution.startedAt > 0 ? execution.startedAt / 1000 : null,
    acknowledged: execution.acknowledged || execution.kept,
    delivery_info: {
      exchange: "",
      routing_key: delivery.queue,
      priority: message.properties.priority ?? 0,
      redelivered: delivery.redelivered,
    },
    worker_pid: execution.pid ?? null,
  };
}

function argumentsOf(execution: Execution, safe: boolean): { readonly args: unknown; readonly kwargs: unknown } {
  const { call, message } = execution;
  const covered = pointersOf(execution);
  if (safe || call.byteLength > longestArguments) return shownCall(message.headers, call, covered);
  try {
    return coverCall(decodeCall(call), covered);
  } catch {
    return shownCall(message.headers, call, covered); // it fails as soon as it runs
  }
}
