/**
 * What a worker answers to Flower's questions, as far as who asks may see it: arguments are redacted, and who is confined to some queues is
 * told of no other's tasks, nor of what belongs to no queue.
 */

import { maySee, type Viewer } from "../access/viewer.ts";
import type { DashboardSettings } from "../options.ts";
import { jsonText } from "../page/texts.ts";
import { coveredRequest, queueOfRequest } from "../page/requests.ts";

export interface Showing {
  readonly viewer: Viewer;
  readonly redact: DashboardSettings["redact"];
  /** True for the tasks of which the viewer may know. */
  readonly known: (task: string | undefined) => boolean;
}

/** `shown`: the name under which Flower has the answer. */
export function shownAnswer(shown: string, answer: unknown, { viewer, redact, known }: Showing): unknown {
  const mine = (queue: string | undefined): boolean => maySee(viewer, queue);
  const confined = viewer.queues !== undefined;
  switch (shown) {
    case "active":
    case "reserved":
      return listOf(answer, (task) => (mine(queueOfRequest(task)) ? [coveredRequest(task, redact)] : []), redact);
    case "scheduled":
      return listOf(
        answer,
        (entry) => {
          const { request, ...rest } = recordOf(entry);
          return mine(queueOfRequest(request)) ? [{ ...rest, request: coveredRequest(request, redact) }] : [];
        },
        redact,
      );
    case "active_queues":
      return listOf(answer, (queue) => (mine(textOf(recordOf(queue)["name"])) ? [queue] : []), redact);
    case "registered":
      return listOf(answer, (line) => (known(textOf(line)?.split(" ")[0]) ? [line] : []), redact);
    case "stats": {
      const { total, ...rest } = recordOf(answer);
      const counts = Object.entries(recordOf(total)).filter(([task]) => known(task));
      return confined ? { ...rest, total: Object.fromEntries(counts) } : answer;
    }
    case "revoked":
      return confined ? [] : answer;
    case "conf":
      return confined ? {} : answer;
    default:
      return answer;
  }
}

/** What is no list is an error that the worker tells, which may quote what it failed at. */
function listOf(
  answer: unknown,
  each: (entry: unknown) => readonly unknown[],
  redact: DashboardSettings["redact"],
): unknown {
  if (Array.isArray(answer)) return (answer as readonly unknown[]).flatMap(each);
  return { error: redact(textOf(recordOf(answer)["error"]) ?? jsonText(answer), { kind: "error" }) };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
