/** The table of tasks: what is chosen stands in the URL, what is selected does not. */

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { TaskCounts, TaskRow, TaskSelection } from "../../../../src/dashboard/contract.ts";
import { Empty, Skeleton, Trouble } from "../../part/bits.tsx";
import { GapNote } from "../../part/gap-note.tsx";
import { useKeys } from "../../place/keys.ts";
import { usePlace } from "../../place/place.tsx";
import { filterFor, isEmptyFilter, readFilter } from "../../place/task-filter.ts";
import { follows } from "../../place/time-choice.ts";
import { useInstruments, useQuestions, useTopic } from "../../server/instruments.tsx";
import { useMay, usePress } from "../../server/press.tsx";
import { TaskPanel } from "../task/task-panel.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { asTasks, isSelected, nothing, type Selection, sizeOf, withLoaded, withToggled } from "./selection.ts";
import { SelectionBar } from "./selection-bar.tsx";
import { newestRows, oldestRows, TableFoot } from "./table-foot.tsx";
import { TaskTable } from "./task-table.tsx";
import { useNewer } from "./newer.ts";

export function TasksPage() {
  const { params, time, change, go } = usePlace();
  const { clock } = useInstruments();
  const chosen = useMemo(() => readFilter(params), [params]);
  const questions = useQuestions();
  const client = useQueryClient();
  const table = useInfiniteQuery(questions.tasks(chosen, time));
  const counts = useQuery(questions.counts(chosen, time));
  const [selection, setSelection] = useState<Selection>(nothing);
  const [cursor, setCursor] = useState<string>();
  const [atTop, setAtTop] = useState(true);
  const { press, busy } = usePress();
  const may = useMay();
  useTopic(follows(time) ? "tasks" : undefined);
  const open = params.get("row") ?? undefined;
  const rows = useMemo(() => distinct(table.data?.pages.flatMap(({ items }) => items) ?? []), [table.data]);
  const searchedTo = table.data?.pages.at(-1)?.searchedTo;
  const current = open ?? cursor;
  const total = counts.data === undefined ? undefined : totalOf(counts.data, chosen.state);
  // What one is looking at or has selected does not move away.
  const calm = !atTop || open !== undefined || sizeOf(selection) > 0 || (table.data?.pages.length ?? 0) > 1;
  const newer = useNewer({ chosen, time, rows, calm });
  const filterKey = JSON.stringify([chosen, time]);
  useEffect(() => setSelection(nothing), [filterKey]);

  const show = useCallback(
    (id: string | undefined) => change({ row: id }, { replace: open !== undefined }),
    [change, open],
  );
  const move = (step: number): void => {
    const index = rows.findIndex(({ id }) => id === current);
    const next = rows[index < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, index + step))];
    if (next === undefined) return;
    setCursor(next.id);
    if (open !== undefined) show(next.id);
  };
  const chosenTasks = (): TaskSelection | undefined => {
    if (sizeOf(selection) > 0) return asTasks(selection, filterFor(chosen, time, clock.now()));
    return current === undefined ? undefined : { ids: [current] };
  };
  const act = (kind: "task.retry" | "task.cancel"): void => {
    const tasks = chosenTasks();
    if (tasks !== undefined && may(kind) && !busy) press({ do: kind, tasks }, () => setSelection(nothing));
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    Home: () => change(newestRows),
    End: () => change(oldestRows),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    x: () => current !== undefined && setSelection(withToggled(selection, current)),
    r: () => act("task.retry"),
    // Of many at once the bar asks first.
    c: sizeOf(selection) > 1 ? undefined : () => act("task.cancel"),
    e: () =>
      current !== undefined && may("task.edit-and-run") && go(`/tasks/${encodeURIComponent(current)}`, { edit: "1" }),
    Enter: () => {
      if (current === undefined) return;
      if (open === undefined) show(current);
      else go(`/tasks/${encodeURIComponent(current)}`);
    },
    Escape: open === undefined && sizeOf(selection) > 0 ? () => setSelection(nothing) : undefined,
  });

  return (
    <div className="flex h-full min-h-0">
      <div className="flex min-w-0 flex-1 flex-col">
        <div className="flex flex-col gap-2 px-3 pt-3 pb-2 sm:px-4">
          <h1 className="sr-only">Tasks</h1>
          <FilterBar chosen={chosen} counts={counts.data} newer={newer.count} onNewer={newer.take} />
          {table.data?.pages[0] === undefined ? null : <GapNote gaps={table.data.pages[0].gaps} />}
        </div>
        {table.error === null ? null : (
          <div className="px-4 pb-2">
            <Trouble error={table.error} retry={() => void table.refetch()} />
          </div>
        )}
        {table.data === undefined && table.error === null ? (
          <div className="px-4">
            <Skeleton rows={12} />
          </div>
        ) : (
          <TaskTable
            rows={rows}
            total={total}
            current={current}
            isSelected={(id) => isSelected(selection, id)}
            allSelected={rows.length > 0 && rows.every(({ id }) => isSelected(selection, id))}
            onToggle={(id) => setSelection(withToggled(selection, id))}
            onToggleAll={() =>
              setSelection(
                withLoaded(
                  selection,
                  rows.map(({ id }) => id),
                ),
              )
            }
            onOpen={(id) => {
              setCursor(id);
              show(id);
            }}
            onTop={setAtTop}
            foot={(first) =>
              first === undefined && chosen.start === undefined ? null : (
                <TableFoot chosen={chosen} time={time} first={first} total={total} />
              )
            }
            place={`${chosen.order} ${String(chosen.start)}`}
            more={table.hasNextPage}
            busy={table.isFetchingNextPage || table.isPlaceholderData}
            searched={searchedTo === undefined ? undefined : { to: searchedTo, back: chosen.order === "newest" }}
            onMore={() => void table.fetchNextPage()}
            empty={<NoTasks untouched={isEmptyFilter(chosen) && chosen.start === undefined && time.kind === "live"} />}
          />
        )}
        {sizeOf(selection) === 0 ? null : (
          <SelectionBar
            selection={selection}
            total={total}
            filter={filterFor(chosen, time, clock.now())}
            rows={rows}
            onSelect={setSelection}
            onDone={() => {
              setSelection(nothing);
              void client.invalidateQueries({ queryKey: ["counts"] });
            }}
          />
        )}
      </div>
      {open === undefined ? null : <TaskPanel id={open} onClose={() => change({ row: undefined })} />}
    </div>
  );
}

function NoTasks({ untouched }: { readonly untouched: boolean }) {
  return (
    <div className="p-4">
      {untouched ? (
        <Empty title="No task was seen yet" code={'celeriac call -A ./app.ts add --kwargs \'{"a": 2, "b": 40}\''}>
          Tasks appear here as soon as a worker or a producer tells of them. Send one:
        </Empty>
      ) : (
        <Empty title="No task fits">Remove a filter above, or choose another time.</Empty>
      )}
    </div>
  );
}

/** A row may move to another page between two questions. */
function distinct(rows: readonly TaskRow[]): readonly TaskRow[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}

function totalOf({ states, total }: TaskCounts, chosen: readonly TaskRow["state"][]): number {
  return chosen.length === 0 ? total : chosen.reduce((sum, state) => sum + states[state], 0);
}
