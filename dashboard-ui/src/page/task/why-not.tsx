/** "Why is it not running?", in words, and what to press or type. */

import { useQuery } from "@tanstack/react-query";
import type { Reason, TaskRow } from "../../../../src/dashboard/contract.ts";
import { Trouble } from "../../part/bits.tsx";
import { Section } from "../../part/bits.tsx";
import { Button } from "../../part/button.tsx";
import { Go } from "../../place/place.tsx";
import { useQuestions } from "../../server/instruments.tsx";
import { useMay, usePress } from "../../server/press.tsx";

const waiting: ReadonlySet<string> = new Set(["queued", "delayed", "retrying"]);

export function isWaiting({ state }: TaskRow): boolean {
  return waiting.has(state);
}

export function WhyNotRunning({ id }: { readonly id: string }) {
  const query = useQuery(useQuestions().why(id));
  return (
    <Section title="Why is it not running?">
      {query.error === null ? null : <Trouble error={query.error} />}
      {query.data === undefined && query.error === null ? (
        <p className="text-dim">Asking the broker and the workers…</p>
      ) : null}
      {query.data?.reasons.length === 0 ? (
        <p className="text-dim">Nothing holds it up: it should run any moment.</p>
      ) : null}
      <ol className="flex flex-col gap-1.5">
        {query.data?.reasons.map((reason, index) => (
          <li
            key={index}
            className={`flex flex-col gap-1 border-l-2 pl-3 ${index === 0 ? "border-retrying" : "border-line"}`}
          >
            <span>{reason.text}</span>
            {reason.remedy === undefined ? null : <span className="text-small text-dim">{reason.remedy}</span>}
            <Remedy reason={reason} />
          </li>
        ))}
      </ol>
    </Section>
  );
}

/** What can be pressed right here. */
function Remedy({ reason }: { readonly reason: Reason }) {
  const { press, busy } = usePress();
  const may = useMay();
  switch (reason.kind) {
    case "queue-paused":
      return may("queue.resume") ? (
        <span>
          <Button tone="main" disabled={busy} onClick={() => press({ do: "queue.resume", queue: reason.queue })}>
            {`Resume ${reason.queue}`}
          </Button>
        </span>
      ) : null;
    case "workers-busy":
    case "behind":
    case "no-worker":
    case "no-worker-for-task":
    case "workers-offline":
      return (
        <Go to="/queues" with={{ row: reason.queue }} className="w-max text-small underline">
          {`Queue ${reason.queue}`}
        </Go>
      );
    case "waits-for":
      return reason.ids[0] === undefined ? null : (
        <Go to={`/tasks/${encodeURIComponent(reason.ids[0])}`} className="w-max text-small underline">
          The task it waits for
        </Go>
      );
    case "schedule-paused":
      return (
        <Go to="/schedules" with={{ row: reason.schedule }} className="w-max text-small underline">
          {`Schedule ${reason.schedule}`}
        </Go>
      );
    default:
      return null;
  }
}
