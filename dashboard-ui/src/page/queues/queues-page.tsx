/** Queues, one line each: how deep, how old, how fast, and when it will be empty. */

import { useQuery } from "@tanstack/react-query";
import type { QueueRow } from "../../../../src/dashboard/contract.ts";
import { Age, Nothing } from "../../part/age.tsx";
import { Answer, Empty } from "../../part/bits.tsx";
import { WithPanel } from "../../part/panel.tsx";
import { Sparkline } from "../../part/sparkline.tsx";
import { useKeys } from "../../place/keys.ts";
import { usePlace } from "../../place/place.tsx";
import { momentOf } from "../../place/time-choice.ts";
import { useQuestions, useTopic } from "../../server/instruments.tsx";
import { countText, rateText } from "../../text/number.ts";
import { Drain } from "./drain.tsx";
import { QueuePanel } from "./queue-panel.tsx";
import { rowKeys } from "../../place/row-keys.ts";

const head = "px-2 py-1 text-right font-normal whitespace-nowrap";

export default function QueuesPage() {
  const { params, time, change } = usePlace();
  const at = momentOf(time);
  const query = useQuery(useQuestions().queues(at));
  useTopic(at === undefined ? "queues" : undefined);
  const open = params.get("row") ?? undefined;
  const row = query.data?.items.find(({ name }) => name === open);
  const show = (name: string | undefined): void =>
    change({ row: name }, { replace: open !== undefined && name !== undefined });
  useKeys(rowKeys(query.data?.items.map(({ name }) => name) ?? [], open, show));
  return (
    <WithPanel
      panel={row === undefined ? null : <QueuePanel key={row.name} row={row} at={at} onClose={() => show(undefined)} />}
    >
      <div className="p-3 sm:p-4">
        <h1 className="sr-only">Queues</h1>
        <Answer query={query}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="There is no queue yet" code="celeriac worker -A ./app.ts -Q images,mail">
                A queue is there as soon as a task is sent to it or a worker takes from it.
              </Empty>
            ) : (
              <div className="quiet-scroll -mx-1 overflow-x-auto px-1">
                <table className="w-full">
                  <thead className="text-small text-dim">
                    <tr className="border-b">
                      <th scope="col" className="py-1 pr-2 text-left font-normal">
                        queue
                      </th>
                      <th scope="col" className={head}>
                        waiting
                      </th>
                      <th scope="col" className={`${head} hidden @lg:table-cell`}>
                        last hour
                      </th>
                      <th scope="col" className={head}>
                        oldest
                      </th>
                      <th scope="col" className={`${head} hidden @3xl:table-cell`}>
                        in flight
                      </th>
                      <th scope="col" className={`${head} hidden @3xl:table-cell`}>
                        delayed
                      </th>
                      <th scope="col" className={`${head} hidden @5xl:table-cell`}>
                        in
                      </th>
                      <th scope="col" className={`${head} hidden @5xl:table-cell`}>
                        out
                      </th>
                      <th scope="col" className={head}>
                        empty in
                      </th>
                      <th scope="col" className={`${head} hidden @3xl:table-cell`}>
                        consumers
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {items.map((row) => (
                      <QueueLine key={row.name} row={row} open={row.name === open} onOpen={() => show(row.name)} />
                    ))}
                  </tbody>
                </table>
              </div>
            )
          }
        </Answer>
      </div>
    </WithPanel>
  );
}

function QueueLine({
  row,
  open,
  onOpen,
}: {
  readonly row: QueueRow;
  readonly open: boolean;
  readonly onOpen: () => void;
}) {
  const { name, ready, delayed, leased, running, oldest, rateIn, rateOut, consumers, paused, depth } = row;
  const cell = "px-2 py-1.5 text-right whitespace-nowrap";
  return (
    <tr className={`border-b ${open ? "bg-accent-soft" : "hover:bg-sunken"}`} onClick={onOpen}>
      <th scope="row" className="max-w-64 py-1.5 pr-2 text-left font-normal">
        <span className="flex min-w-0 items-center gap-x-2 @max-lg:flex-wrap">
          <button type="button" className="truncate hover:underline" title={name} onClick={onOpen}>
            {name}
          </button>
          {paused === true ? (
            <span className="shrink-0 rounded bg-strip px-1.5 text-small text-on-strip">❚❚ paused</span>
          ) : null}
        </span>
      </th>
      <td className={cell}>{countText(ready)}</td>
      <td className={`${cell} hidden @lg:table-cell`}>
        <span className="inline-block align-middle">
          <Sparkline
            values={depth}
            label={`Depth over the last hour, at most ${countText(Math.max(0, ...depth))}`}
            ink="text-queued"
          />
        </span>
      </td>
      <td className={cell}>{oldest === undefined ? <Nothing /> : <Age at={oldest} ago={false} />}</td>
      <td className={`${cell} hidden @3xl:table-cell`}>{countText(leased ?? running)}</td>
      <td className={`${cell} hidden @3xl:table-cell`}>{delayed === undefined ? <Nothing /> : countText(delayed)}</td>
      <td className={`${cell} hidden @5xl:table-cell`}>{rateText(rateIn)}</td>
      <td className={`${cell} hidden @5xl:table-cell`}>{rateText(rateOut)}</td>
      <td className={`${cell} @max-lg:max-w-24 @max-lg:whitespace-normal`}>
        <Drain row={row} />
      </td>
      <td className={`${cell} hidden @3xl:table-cell ${consumers === 0 ? "text-failed" : ""}`}>
        {consumers === undefined ? <Nothing /> : countText(consumers)}
      </td>
    </tr>
  );
}
