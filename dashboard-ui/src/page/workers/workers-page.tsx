/** Workers: each with its pool drawn as slots. */

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { WorkerRow } from "../../../../src/dashboard/contract.ts";
import { Age, Nothing } from "../../part/age.tsx";
import { Answer, Empty } from "../../part/bits.tsx";
import { WithPanel } from "../../part/panel.tsx";
import { useKeys } from "../../place/keys.ts";
import { usePlace } from "../../place/place.tsx";
import { rowKeys } from "../../place/row-keys.ts";
import { momentOf } from "../../place/time-choice.ts";
import { useQuestions, useTopic } from "../../server/instruments.tsx";
import { durationText } from "../../text/duration.ts";
import { countText, rateText, shareText, sizeText } from "../../text/number.ts";
import { SlotDots } from "./slots.tsx";
import { WorkerPanel } from "./worker-panel.tsx";

export default function WorkersPage() {
  const { params, time, change } = usePlace();
  const at = momentOf(time);
  const query = useQuery(useQuestions().workers(at));
  useTopic(at === undefined ? "workers" : undefined);
  const [withGone, setWithGone] = useState(false);
  const open = params.get("row") ?? undefined;
  const all = query.data?.items ?? [];
  const gone = all.filter(({ online }) => !online).length;
  const shown = sorted(all).filter(({ online, name }) => online || withGone || name === open || gone <= 5);
  const show = (name: string | undefined): void =>
    change({ row: name }, { replace: open !== undefined && name !== undefined });
  useKeys(
    rowKeys(
      shown.map(({ name }) => name),
      open,
      show,
    ),
  );
  return (
    <WithPanel
      panel={open === undefined ? null : <WorkerPanel key={open} name={open} at={at} onClose={() => show(undefined)} />}
    >
      <div className="flex flex-col gap-3 p-3 sm:p-4">
        <h1 className="sr-only">Workers</h1>
        <Answer query={query}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No worker was heard of" code="celeriac worker -A ./app.ts --concurrency 4">
                Workers appear here with their first heartbeat.
              </Empty>
            ) : (
              <>
                <ul className="flex flex-col gap-2">
                  {shown.map((row) => (
                    <WorkerLine key={row.name} row={row} open={row.name === open} onOpen={() => show(row.name)} />
                  ))}
                </ul>
                {gone > 5 ? (
                  <button
                    type="button"
                    className="w-max rounded px-1 text-dim hover:text-ink hover:underline"
                    onClick={() => setWithGone(!withGone)}
                  >
                    {withGone ? "Leave out those that are gone" : `Show ${countText(gone)} that are gone`}
                  </button>
                ) : null}
              </>
            )
          }
        </Answer>
      </div>
    </WithPanel>
  );
}

function sorted(rows: readonly WorkerRow[]): readonly WorkerRow[] {
  return rows.toSorted((a, b) => Number(b.online) - Number(a.online) || (a.name < b.name ? -1 : 1));
}

function WorkerLine({
  row,
  open,
  onOpen,
}: {
  readonly row: WorkerRow;
  readonly open: boolean;
  readonly onOpen: () => void;
}) {
  const {
    name,
    online,
    active,
    slots,
    rss,
    lag,
    throughput,
    failureRate,
    queues = [],
    software,
    heartbeat,
    processed,
  } = row;
  return (
    <li className={`rounded border bg-surface ${open ? "border-accent" : ""} ${online ? "" : "border-dashed"}`}>
      <div
        className="grid gap-x-6 gap-y-2 px-3 py-2 hover:bg-sunken @5xl:grid-cols-[minmax(12rem,2fr)_minmax(10.5rem,1fr)_auto]"
        onClick={onOpen}
      >
        <div className="min-w-0">
          <button
            type="button"
            className="block max-w-full truncate text-left font-semibold hover:underline"
            title={name}
            onClick={onOpen}
          >
            {name}
          </button>
          <span className="block truncate text-small text-dim" title={queues.join(", ")}>
            {online ? <span className="text-succeeded">● online</span> : <span className="text-failed">✕ offline</span>}
            {" · "}
            {online ? (
              [software, queues.length === 0 ? undefined : `takes from ${queues.join(", ")}`]
                .filter((text) => text !== undefined)
                .join(" · ")
            ) : (
              <>
                last heard <Age at={heartbeat} />
              </>
            )}
          </span>
        </div>
        <div className="flex min-w-0 items-center">{online ? <SlotDots active={active} slots={slots} /> : null}</div>
        <dl className="grid grid-cols-3 gap-x-5 gap-y-1 @5xl:text-right @2xl:grid-cols-6">
          <Cell label="busy">
            {online ? `${String(active)}${slots === undefined ? "" : ` / ${String(slots)}`}` : <Nothing />}
          </Cell>
          <Cell label="rate">{rateText(throughput)}</Cell>
          <Cell label="failed" bad={failureRate > 0.05}>
            {shareText(failureRate)}
          </Cell>
          <Cell label="done">{processed === undefined ? <Nothing /> : countText(processed)}</Cell>
          <Cell label="memory">{rss === undefined ? <Nothing /> : sizeText(rss)}</Cell>
          <Cell label="loop delay" bad={(lag ?? 0) > 100}>
            {lag === undefined ? <Nothing /> : durationText(lag)}
          </Cell>
        </dl>
      </div>
    </li>
  );
}

function Cell({
  label,
  children,
  bad = false,
}: {
  readonly label: string;
  readonly children: ReactNode;
  readonly bad?: boolean;
}) {
  return (
    <div className="@5xl:w-18">
      <dt className="text-small text-dim">{label}</dt>
      <dd className={`whitespace-nowrap ${bad ? "text-failed" : ""}`}>{children}</dd>
    </div>
  );
}
