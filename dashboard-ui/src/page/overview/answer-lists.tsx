/** What fails most, what waits longest, what runs longest. */

import type { FailureGroup, QueueRow, QueueWait, TaskRow } from "../../../../src/dashboard/contract.ts";
import { Age, Lasting } from "../../part/age.tsx";
import { Section } from "../../part/bits.tsx";
import { Go } from "../../place/place.tsx";
import { waitsOf } from "./queue-waits.ts";
import { shortTask } from "../../text/id.ts";
import { inlineArgs } from "../../text/literal.ts";
import { countText } from "../../text/number.ts";

const line = "flex min-w-0 items-baseline gap-3 border-b py-1 last:border-b-0";
const none = "py-1 text-dim";

export function Failing({ groups }: { readonly groups: readonly FailureGroup[] }) {
  return (
    <Section title="What fails most">
      {groups.length === 0 ? <p className={none}>Nothing failed.</p> : null}
      <ul>
        {groups.map(({ task, error, count, last, example, atLeast }) => (
          <li key={`${task} ${error}`} className={line}>
            <Go
              to="/tasks"
              with={{ task, state: ["failed", "dead"] }}
              className="w-12 shrink-0 text-right text-failed hover:underline"
              title="Show these tasks"
            >
              {countText(count)}
              {atLeast ? "+" : ""}
            </Go>
            <Go
              to={`/tasks/${encodeURIComponent(example)}`}
              className="min-w-0 flex-1 hover:underline"
              title={`${task}\n${error}`}
            >
              <span className="block truncate">{shortTask(task)}</span>
              <span className="block truncate text-small text-dim">{error}</span>
            </Go>
            <span className="shrink-0 text-small text-dim">
              <Age at={last} />
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** As the broker has it now; of a moment in the past the history alone knows. */
export function Waiting({
  kept,
  now,
}: {
  readonly kept: readonly QueueWait[];
  readonly now: readonly QueueRow[] | undefined;
}) {
  const queues = now === undefined ? kept : waitsOf(now, kept);
  return (
    <Section title="What waits longest">
      {queues.length === 0 ? <p className={none}>Nothing waits.</p> : null}
      <ul>
        {queues.map(({ queue, waiting, oldest, reason }) => (
          <li key={queue} className={line}>
            <Go
              to="/tasks"
              with={{ queue, state: "queued", order: "oldest" }}
              className="w-12 shrink-0 text-right text-queued hover:underline"
              title="Show these tasks"
            >
              {countText(waiting)}
            </Go>
            <Go to="/queues" with={{ row: queue }} className="min-w-0 flex-1 hover:underline" title={queue}>
              <span className="block truncate">{queue}</span>
              {reason === undefined ? null : (
                <span className="block truncate text-small text-dim" title={reason}>
                  {reason}
                </span>
              )}
            </Go>
            {oldest === undefined ? null : (
              <span className="shrink-0 text-small text-dim">
                <Age at={oldest} ago={false} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

export function Longest({ rows }: { readonly rows: readonly TaskRow[] }) {
  return (
    <Section title="What runs longest">
      {rows.length === 0 ? <p className={none}>Nothing runs.</p> : null}
      <ul>
        {rows.map(({ id, task, since, worker, args, kwargs }) => (
          <li key={id} className={line}>
            <span className="w-16 shrink-0 text-right text-running">
              <Lasting from={since} />
            </span>
            <Go to={`/tasks/${encodeURIComponent(id)}`} className="min-w-0 flex-1 hover:underline" title={task ?? id}>
              <span className="block truncate">{shortTask(task ?? "unknown task")}</span>
              <span className="block truncate font-mono text-small text-dim">{inlineArgs(args, kwargs)}</span>
            </Go>
            <span className="max-w-32 shrink-0 truncate text-small text-dim" title={worker}>
              {worker}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
