/** One worker: its pool, its memory and delay over the last hour, what runs, what happened to it. */

import { useQuery } from "@tanstack/react-query";
import type { WorkerDetail, WorkerSample } from "../../../../src/dashboard/contract.ts";
import { Age, At, Lasting } from "../../part/age.tsx";
import { Answer, Facts, Section } from "../../part/bits.tsx";
import { Panel } from "../../part/panel.tsx";
import { Sparkline } from "../../part/sparkline.tsx";
import { Go } from "../../place/place.tsx";
import { useQuestions } from "../../server/instruments.tsx";
import { durationText } from "../../text/duration.ts";
import { shortTask } from "../../text/id.ts";
import { countText, rateText, sizeText } from "../../text/number.ts";
import { incidentText, wentWrong } from "./incident-text.ts";
import { Pool } from "./slots.tsx";
import { WorkerActions } from "./worker-actions.tsx";

export function WorkerPanel({
  name,
  at,
  onClose,
}: {
  readonly name: string;
  readonly at: number | undefined;
  readonly onClose: () => void;
}) {
  const query = useQuery(useQuestions().worker(name, at));
  return (
    <Panel title={name} onClose={onClose}>
      <Answer query={query}>{(detail) => <Whole detail={detail} now={at === undefined} />}</Answer>
    </Panel>
  );
}

function Whole({ detail, now }: { readonly detail: WorkerDetail; readonly now: boolean }) {
  const { row, children, running, samples, lives, limits, incidents } = detail;
  const { name, online, software, system, pid, pool, since, heartbeat, load, queues = [], throughput, processed } = row;
  return (
    <>
      {now && online ? <WorkerActions row={row} /> : null}
      <Facts
        rows={[
          [
            "state",
            online ? (
              <span key="state" className="text-succeeded">
                ● online
              </span>
            ) : (
              <span key="state" className="text-failed">
                ✕ offline
              </span>
            ),
          ],
          ["last heard", <Age key="heard" at={heartbeat} />],
          ["lives since", <At key="since" at={since} />],
          software === undefined
            ? undefined
            : ["software", `${software}${system === undefined ? "" : ` on ${system}`}`],
          pid === undefined ? undefined : ["pid", String(pid)],
          pool === undefined ? undefined : ["pool", pool],
          load === undefined ? undefined : ["load", load.map((value) => value.toFixed(2)).join(" · ")],
          ["rate", rateText(throughput)],
          processed === undefined ? undefined : ["done", countText(processed)],
          [
            "queues",
            <span key="queues" className="flex flex-wrap gap-x-3">
              {queues.map((queue) => (
                <Go key={queue} to="/queues" with={{ row: queue }} className="underline">
                  {queue}
                </Go>
              ))}
            </span>,
          ],
          [
            "tasks",
            <Go key="tasks" to="/tasks" with={{ worker: name }} className="underline">
              all that it had
            </Go>,
          ],
        ]}
      />
      <Section
        title="Pool"
        aside={row.slots === undefined ? undefined : `${String(row.active)} of ${String(row.slots)} busy`}
      >
        <Pool row={row} childs={children} />
      </Section>
      {children.length > 0 || running.length === 0 ? null : (
        <Section title="Runs now">
          <ul>
            {running.map(({ id, task, since }) => (
              <li key={id} className="flex min-w-0 gap-3 border-b py-1 last:border-b-0">
                <Go to={`/tasks/${encodeURIComponent(id)}`} className="min-w-0 flex-1 truncate hover:underline">
                  {shortTask(task ?? id)}
                </Go>
                <span className="shrink-0 text-small text-dim">
                  <Lasting from={since} />
                </span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Samples samples={samples} />
      {limits.length === 0 ? null : (
        <Section title="Limits">
          <Facts
            rows={limits.map(
              ({ task, rate, soft, hard }) =>
                [
                  task,
                  [
                    rate,
                    soft === undefined ? undefined : `soft ${String(soft)} s`,
                    hard === undefined ? undefined : `hard ${String(hard)} s`,
                  ]
                    .filter((text) => text !== undefined)
                    .join(" · "),
                ] as const,
            )}
          />
        </Section>
      )}
      {incidents.length === 0 ? null : (
        <Section title="Crashes and restarts">
          <ul>
            {incidents.map(({ at, kind, pid, detail }, index) => (
              <li key={index} className="border-b py-1 last:border-b-0">
                <span className="flex gap-3">
                  <span className={wentWrong(kind, detail) ? "text-failed" : ""}>{kind}</span>
                  {pid === undefined ? null : <span className="text-dim">pid {pid}</span>}
                  <span className="ml-auto text-small text-dim">
                    <Age at={at} />
                  </span>
                </span>
                <span className="block text-small break-words text-dim">{incidentText(detail)}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {lives.length < 2 ? null : (
        <Section title="Lives">
          <ul>
            {lives.map(({ from, until, pid, clean }) => (
              <li key={from} className="flex flex-wrap gap-x-3 py-0.5">
                <At at={from} />
                <span className="text-dim">for {durationText(until - from)}</span>
                {pid === undefined ? null : <span className="text-dim">pid {pid}</span>}
                {clean ? null : <span className="text-failed">ended without a word</span>}
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function Samples({ samples }: { readonly samples: readonly WorkerSample[] }) {
  const lines = [
    { name: "memory", values: samples.flatMap(({ rss }) => rss ?? []), format: sizeText, ink: "text-delayed" },
    { name: "loop delay", values: samples.flatMap(({ lag }) => lag ?? []), format: durationText, ink: "text-retrying" },
    { name: "busy", values: samples.map(({ active }) => active), format: countText, ink: "text-running" },
    {
      name: "load",
      values: samples.flatMap(({ load }) => load ?? []),
      format: (value: number) => value.toFixed(2),
      ink: "text-queued",
    },
  ].filter(({ values }) => values.length > 1);
  if (lines.length === 0) return null;
  return (
    <Section title="Over the last hour">
      <div className="grid grid-cols-[max-content_minmax(0,1fr)_max-content] items-center gap-x-3 gap-y-1">
        {lines.map(({ name, values, format, ink }) => {
          const last = values.at(-1) ?? 0;
          const top = Math.max(...values);
          return (
            <div key={name} className="contents">
              <span className="text-dim">{name}</span>
              <Sparkline
                values={values}
                width={200}
                height={28}
                label={`${name}: now ${format(last)}, at most ${format(top)}`}
                ink={ink}
                stretched
              />
              <span className="text-right whitespace-nowrap">
                {format(last)} <span className="text-small text-dim">max {format(top)}</span>
              </span>
            </div>
          );
        })}
      </div>
    </Section>
  );
}
