/** Schedules: when each runs next, on a line of one day, and what became of the last runs. */

import { useQuery } from "@tanstack/react-query";
import type { ScheduleRow } from "../../../../src/dashboard/contract.ts";
import { Age } from "../../part/age.tsx";
import { Answer, Empty } from "../../part/bits.tsx";
import { Button } from "../../part/button.tsx";
import { WithPanel } from "../../part/panel.tsx";
import { StateMark, StateShape } from "../../part/state-mark.tsx";
import { useKeys } from "../../place/keys.ts";
import { usePlace } from "../../place/place.tsx";
import { rowKeys } from "../../place/row-keys.ts";
import { useQuestions, useTopic } from "../../server/instruments.tsx";
import { useMay, usePress } from "../../server/press.tsx";
import { shortTask } from "../../text/id.ts";
import { DayLine, DayScale } from "./day-line.tsx";
import { SchedulePanel } from "./schedule-panel.tsx";

const code = `app.schedule("nightly report", cron("0 3 * * *", { timezone: "Europe/Berlin" }), report.si({ back: 1 }));

celeriac beat -A ./app.ts`;

export default function SchedulesPage() {
  const { params, change } = usePlace();
  const query = useQuery(useQuestions().schedules());
  useTopic("schedules");
  const open = params.get("row") ?? undefined;
  const row = query.data?.items.find(({ name }) => name === open);
  const show = (name: string | undefined): void =>
    change({ row: name }, { replace: open !== undefined && name !== undefined });
  useKeys(rowKeys(query.data?.items.map(({ name }) => name) ?? [], open, show));
  return (
    <WithPanel
      panel={row === undefined ? null : <SchedulePanel key={row.name} row={row} onClose={() => show(undefined)} />}
    >
      <div className="flex flex-col gap-3 p-3 sm:p-4">
        <h1 className="sr-only">Schedules</h1>
        <Answer query={query}>
          {({ items, unreadable }) => (
            <>
              {unreadable.map(({ name, problem }) => (
                <p key={name} className="rounded bg-bad-soft px-3 py-1">
                  <b>{name}</b> cannot be read: {problem}
                </p>
              ))}
              {items.length === 0 && unreadable.length === 0 ? (
                <Empty title="Nothing is scheduled" code={code}>
                  Schedules of the app, and those that are made while it runs, appear here.
                </Empty>
              ) : null}
              {items.length === 0 ? null : (
                <div>
                  <div className="hidden @3xl:grid @3xl:grid-cols-[minmax(10rem,16rem)_minmax(0,1fr)_9rem_9rem] @3xl:gap-x-4">
                    <span />
                    <DayScale />
                  </div>
                  <ul>
                    {items.map((row) => (
                      <ScheduleLine key={row.name} row={row} open={row.name === open} onOpen={() => show(row.name)} />
                    ))}
                  </ul>
                </div>
              )}
            </>
          )}
        </Answer>
      </div>
    </WithPanel>
  );
}

function ScheduleLine({
  row,
  open,
  onOpen,
}: {
  readonly row: ScheduleRow;
  readonly open: boolean;
  readonly onOpen: () => void;
}) {
  const may = useMay();
  const { press, busy } = usePress();
  const { name, task, spec, paused, next, ticks, missed } = row;
  const last = ticks[0];
  const first = next[0];
  return (
    <li
      className={`grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 border-b py-2 @3xl:grid-cols-[minmax(10rem,16rem)_minmax(0,1fr)_9rem_9rem] ${open ? "bg-accent-soft" : "hover:bg-sunken"}`}
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
        <span className="block truncate text-small text-dim" title={`${spec} · ${task}`}>
          {spec} · {shortTask(task)}
        </span>
      </div>
      <div className="@max-3xl:order-3 @max-3xl:col-span-2">
        <DayLine row={row} />
      </div>
      <div className="min-w-0 text-small @max-3xl:order-4">
        {paused ? (
          <span className="rounded bg-strip px-1.5 text-on-strip">❚❚ paused</span>
        ) : first === undefined ? (
          <span className="text-dim">not within a day</span>
        ) : (
          <>
            next <Age at={first} />
          </>
        )}
        {missed === undefined ? null : (
          <span className="block text-failed">
            missed <Age at={missed} />
          </span>
        )}
        {last === undefined ? (
          <span className="block text-dim">never ran</span>
        ) : (
          <span className="flex items-center gap-1.5">
            {last.row === undefined ? (
              last.id === undefined ? (
                "left out"
              ) : (
                "sent"
              )
            ) : (
              <StateMark state={last.row.state} />
            )}
            <span className="flex gap-0.5" aria-hidden="true">
              {ticks
                .slice(1, 8)
                .map(({ tick, row }) => (row === undefined ? null : <StateShape key={tick} state={row.state} />))}
            </span>
          </span>
        )}
      </div>
      <div className="flex justify-end gap-2 @max-3xl:order-2" onClick={(event) => event.stopPropagation()}>
        {may("schedule.run") ? (
          <Button disabled={busy} onClick={() => press({ do: "schedule.run", schedule: name })}>
            Run now
          </Button>
        ) : null}
        {may(paused ? "schedule.resume" : "schedule.pause") ? (
          <Button
            disabled={busy}
            onClick={() => press({ do: paused ? "schedule.resume" : "schedule.pause", schedule: name })}
          >
            {paused ? "Resume" : "Pause"}
          </Button>
        ) : null}
      </div>
    </li>
  );
}
