/** The virtual table: only rows that are seen are drawn, however many there are. Columns by the room there is; on a phone two lines a row. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { TaskRow } from "../../../../src/dashboard/contract.ts";
import { At } from "../../part/age.tsx";
import { Button } from "../../part/button.tsx";
import { TaskLine, tableColumns } from "./task-line.tsx";

const line = 28;
const twoLines = 56;
/** Below it a row takes two lines, px; the style sheet's @3xl. */
const roomy = 768;
/** Rows below those that are seen that are asked for before one comes to them; of few that are loaded a third, so that a first page is one. */
const mostAhead = 100;

export function TaskTable({
  rows,
  total,
  current,
  isSelected,
  allSelected,
  onToggle,
  onToggleAll,
  onOpen,
  onTop,
  foot,
  place,
  more,
  busy,
  searched,
  onMore,
  empty,
}: {
  readonly rows: readonly TaskRow[];
  readonly total: number | undefined;
  readonly current: string | undefined;
  readonly isSelected: (id: string) => boolean;
  readonly allSelected: boolean;
  readonly onToggle: (id: string) => void;
  readonly onToggleAll: () => void;
  readonly onOpen: (id: string) => void;
  readonly onTop: (atTop: boolean) => void;
  /** What stands below it, by the first row that is seen. */
  readonly foot: (first: TaskRow | undefined) => ReactNode;
  /** Of another place it is seen from its first row on. */
  readonly place: string;
  readonly more: boolean;
  readonly busy: boolean;
  /** How far a search has come that is not over, and to which side. */
  readonly searched: { readonly to: number; readonly back: boolean } | undefined;
  readonly onMore: () => void;
  readonly empty: ReactNode;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [narrow, setNarrow] = useState(false);
  const height = narrow ? twoLines : line;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 20,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const sizes = new ResizeObserver(() => setNarrow(element.clientWidth < roomy));
    sizes.observe(element);
    return () => sizes.disconnect();
  }, []);
  useEffect(() => virtual.measure(), [virtual, height]);
  const index = current === undefined ? -1 : rows.findIndex(({ id }) => id === current);
  useEffect(() => {
    if (index >= 0) virtual.scrollToIndex(index, { align: "auto" });
    // A row that moves because others came is not run after.
  }, [virtual, current]);
  useEffect(() => {
    // No arrow's value: in newer browsers scrolling gives a promise, which is no way to clean up.
    scroller.current?.scrollTo({ top: 0 });
  }, [place]);
  const items = virtual.getVirtualItems();
  const first = rows[Math.min(rows.length - 1, Math.floor((virtual.scrollOffset ?? 0) / height))];
  const last = items.at(-1)?.index ?? 0;
  // A search that looked in vain asks before it goes on.
  const searching = searched !== undefined;
  useEffect(() => {
    if (more && !busy && !searching && last >= rows.length - Math.min(mostAhead, rows.length * 0.3)) onMore();
  }, [more, busy, searching, last, rows.length, onMore]);
  return (
    <>
      <div
        ref={scroller}
        role="grid"
        aria-label="Tasks"
        aria-rowcount={total ?? -1}
        aria-multiselectable="true"
        tabIndex={0}
        className="quiet-scroll @container min-h-0 flex-1 overflow-y-auto border-t"
        onScroll={({ currentTarget }) => onTop(currentTarget.scrollTop < line)}
      >
        <div
          role="row"
          className={`sticky top-0 z-10 border-b bg-ground px-3 text-small text-dim sm:px-4 ${tableColumns} h-7 items-center`}
        >
          <span role="columnheader">
            <input
              type="checkbox"
              aria-label="Select all that are loaded"
              checked={allSelected}
              disabled={rows.length === 0}
              onChange={onToggleAll}
            />
          </span>
          <Head>state</Head>
          <Head>task</Head>
          <Head className="hidden @3xl:block">arguments</Head>
          <Head className="hidden @5xl:block">queue</Head>
          <Head className="hidden @5xl:block">worker</Head>
          <Head className="hidden text-right @3xl:block">waited</Head>
          <Head className="hidden text-right @3xl:block">ran</Head>
          <Head className="hidden text-right @5xl:block">attempts</Head>
          <Head className="hidden text-right @3xl:block">since</Head>
        </div>
        {rows.length === 0 && !searching ? (
          <div role="row">
            <div role="gridcell">{empty}</div>
          </div>
        ) : null}
        <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index, start, key }) => {
            const row = rows[index];
            return row === undefined ? null : (
              <TaskLine
                key={key}
                row={row}
                index={index}
                top={start}
                height={height}
                current={row.id === current}
                selected={isSelected(row.id)}
                onToggle={onToggle}
                onOpen={onOpen}
              />
            );
          })}
        </div>
        {searching || (more && busy) ? (
          <div role="status" className="flex flex-wrap items-center gap-3 px-4 py-2 text-dim">
            {searching ? (
              <>
                <span>
                  {rows.length === 0 ? "None found yet. " : ""}
                  Looked through everything {searched.back ? "since" : "until"} <At at={searched.to} />.
                </span>
                {more ? (
                  <Button disabled={busy} onClick={onMore}>
                    {searched.back ? "Look further back" : "Look further on"}
                  </Button>
                ) : null}
              </>
            ) : (
              "Loading more…"
            )}
          </div>
        ) : null}
      </div>
      {foot(first)}
    </>
  );
}

function Head({ children, className = "" }: { readonly children: string; readonly className?: string }) {
  return (
    <span role="columnheader" className={className}>
      {children}
    </span>
  );
}
