/** One schedule: its next runs, and what became of the last ones. */

import type { ScheduleRow, TickRow } from "../../../../src/dashboard/contract.ts";
import { Age, At } from "../../part/age.tsx";
import { Facts, Section } from "../../part/bits.tsx";
import { Panel } from "../../part/panel.tsx";
import { StateMark } from "../../part/state-mark.tsx";
import { Go } from "../../place/place.tsx";
import { durationText } from "../../text/duration.ts";

export function SchedulePanel({ row, onClose }: { readonly row: ScheduleRow; readonly onClose: () => void }) {
  const { name, task, spec, source, paused, queue, next, ticks, missed } = row;
  return (
    <Panel title={name} onClose={onClose}>
      <Facts
        rows={[
          [
            "task",
            <Go key="task" to="/tasks" with={{ task }} className="underline">
              {task}
            </Go>,
          ],
          ["when", spec],
          ["comes from", source === "code" ? "the app's code" : "a call at run time"],
          ["state", paused ? "paused" : "active"],
          queue === undefined
            ? undefined
            : [
                "queue",
                <Go key="queue" to="/queues" with={{ row: queue }} className="underline">
                  {queue}
                </Go>,
              ],
          missed === undefined
            ? undefined
            : [
                "missed",
                <span key="missed" className="text-failed">
                  <At at={missed} />: is a beat running?
                </span>,
              ],
        ]}
      />
      <Section title="Next runs">
        {next.length === 0 ? (
          <p className="text-dim">{paused ? "None while it is paused." : "None within a day."}</p>
        ) : null}
        <ol>
          {next.slice(0, 10).map((at) => (
            <li key={at} className="flex gap-3 py-0.5">
              <At at={at} />
              <span className="text-dim">
                <Age at={at} />
              </span>
            </li>
          ))}
        </ol>
      </Section>
      <Section title="Last runs">
        {ticks.length === 0 ? <p className="text-dim">It never ran.</p> : null}
        <ol>
          {ticks.map(({ tick, sent, id, row, outcome, why }) => (
            <li key={tick} className="flex flex-wrap items-baseline gap-x-3 border-b py-1 last:border-b-0">
              <At at={tick} />
              {sent - tick > 1_000 ? (
                <span className="text-small text-retrying">{durationText(sent - tick)} late</span>
              ) : null}
              {row === undefined ? (
                <span className={outcome === "broken" || why === "missed" ? "text-failed" : "text-dim"}>
                  {outcomeText(id, outcome)}
                </span>
              ) : (
                <StateMark state={row.state} />
              )}
              {row?.ran === undefined ? null : <span className="text-dim">ran {durationText(row.ran)}</span>}
              {why === undefined ? null : <span className="text-dim">{whyText(why)}</span>}
              {id === undefined ? null : (
                <Go to={`/tasks/${encodeURIComponent(id)}`} className="ml-auto underline">
                  task
                </Go>
              )}
              {row?.error === undefined ? null : (
                <span className="w-full truncate text-small text-failed">{row.error}</span>
              )}
            </li>
          ))}
        </ol>
      </Section>
    </Panel>
  );
}

function outcomeText(id: string | undefined, outcome: TickRow["outcome"]): string {
  switch (outcome) {
    case "waiting":
      return "waits";
    case "refused":
      return "not taken yet";
    case "broken":
      return "cannot be sent";
    case "skipped":
      return "left out";
    case "sent":
    case undefined:
      return id === undefined ? "left out" : "sent";
  }
}

const reasons: Readonly<Record<string, string>> = {
  missed: "its time was over",
  "made-up": "a later run stands for it",
  "too-many": "too many were missed",
  overlap: "the run before had not ended",
  "fired-before": "another scheduler sent it",
};

function whyText(why: string): string {
  return Object.hasOwn(reasons, why) ? (reasons[why] ?? why) : why;
}
