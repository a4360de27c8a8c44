/** Pressing buttons: who may, what is sent, what is said of it. Whoever may not press something does not see it. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ActionKind, ActionRequest, ActionResult, Session } from "../../../src/dashboard/contract.ts";
import { useNotice } from "../part/notice.tsx";
import { Go } from "../place/place.tsx";
import { countText } from "../text/number.ts";
import { Refusal } from "./ask.ts";
import { useInstruments } from "./instruments.tsx";

/** Each action as something done; `{n}` is to how many. */
const words: Readonly<Record<ActionKind, string>> = {
  "task.retry": "{n} sent again",
  "task.cancel": "{n} cancelled",
  "task.revoke": "{n} revoked",
  "task.requeue": "{n} put back",
  "task.edit-and-run": "Sent as a new task",
  "queue.pause": "Queue paused",
  "queue.resume": "Queue resumed",
  "queue.purge": "{n} messages purged",
  "worker.grow": "The pool grows",
  "worker.shrink": "The pool shrinks",
  "worker.autoscale": "Autoscale set",
  "worker.restart-pool": "The pool restarts",
  "worker.shutdown": "The worker shuts down",
  "worker.add-consumer": "The worker takes from the queue",
  "worker.cancel-consumer": "The worker takes from the queue no more",
  "limit.rate": "Rate limit set",
  "limit.time": "Time limits set",
  "schedule.pause": "Schedule paused",
  "schedule.resume": "Schedule resumed",
  "schedule.run": "Sent now",
  "dead.redrive": "{n} redriven",
  "dead.drop": "{n} dropped",
};

export function useSession(): Session | undefined {
  const { questions } = useInstruments();
  return useQuery(questions.session()).data;
}

/** Whether this person may do it somewhere. */
export function useMay(): (kind: ActionKind) => boolean {
  const session = useSession();
  return (kind) => session?.may.includes(kind) ?? false;
}

export interface Press {
  readonly press: (request: ActionRequest, done?: (result: ActionResult) => void) => void;
  readonly busy: boolean;
}

export function usePress(): Press {
  const { server } = useInstruments();
  const session = useSession();
  const say = useNotice();
  const client = useQueryClient();
  const mutation = useMutation({
    mutationFn: (request: ActionRequest) => server.press(request, session?.csrf ?? ""),
    onSuccess: (result, request) => {
      say(noticeOf(request, result));
      void client.invalidateQueries({
        predicate: ({ queryKey }) => queryKey[0] !== "session" && queryKey[0] !== "overview",
      });
    },
    onError: (error) => {
      say({
        text: error.message,
        tone: "bad",
        details: error instanceof Refusal && error.code !== "" ? [error.code] : [],
      });
      // A token that is too old is replaced before the next press.
      void client.invalidateQueries({ queryKey: ["session"] });
    },
  });
  return {
    press: (request, done) => mutation.mutate(request, { onSuccess: (result) => done?.(result) }),
    busy: mutation.isPending,
  };
}

function whereOf(request: ActionRequest): string {
  switch (request.do) {
    case "task.requeue":
      return request.queue === undefined ? "" : ` into ${request.queue}`;
    case "limit.rate":
    case "limit.time":
      return request.worker === undefined ? " for all workers" : "";
    default:
      return "";
  }
}

function noticeOf(request: ActionRequest, result: ActionResult) {
  const said = `${words[request.do].replace("{n}", countText(result.done))}${whereOf(request)}`;
  const answers = Object.entries(result.replies ?? {}).map(
    ([worker, { ok, error }]) => `${worker}: ${error ?? ok ?? "done"}`,
  );
  const failures = result.failures.slice(0, 3).map(({ subject, text }) => `${subject} ${text}`.trim());
  const text =
    result.failed === 0
      ? said
      : result.done === 0 && result.failed > 0
        ? `Not done: ${countText(result.failed)}`
        : `${said}, ${countText(result.failed)} not`;
  return {
    // How many it will be is not known yet, and none would be a lie.
    text: result.pending ? "It takes its time, and goes on. The audit will tell its end." : text,
    tone: result.failed === 0 ? ("good" as const) : ("bad" as const),
    details: [...failures, ...answers.slice(0, 4)],
    link:
      result.id === undefined ? undefined : (
        <Go to={`/tasks/${encodeURIComponent(result.id)}`} className="underline">
          Show the task
        </Go>
      ),
  };
}
