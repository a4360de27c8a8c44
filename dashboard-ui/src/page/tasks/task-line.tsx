/** One row of the table. */

import { memo } from "react";
import type { TaskRow } from "../../../../src/dashboard/contract.ts";
import { Age, Lasting, Nothing } from "../../part/age.tsx";
import { StateMark } from "../../part/state-mark.tsx";
import { shortTask } from "../../text/id.ts";
import { inlineArgs } from "../../text/literal.ts";
import { countText } from "../../text/number.ts";

export const tableColumns =
  "grid gap-x-3 grid-cols-[1rem_6rem_minmax(0,1fr)] @3xl:grid-cols-[1rem_6rem_minmax(8rem,1.1fr)_minmax(6rem,1.6fr)_5.5rem_5.5rem_6rem] @5xl:grid-cols-[1rem_6rem_minmax(8rem,1.1fr)_minmax(6rem,1.6fr)_minmax(4rem,0.5fr)_minmax(5rem,0.7fr)_5.5rem_5.5rem_3.5rem_6rem]";

export const TaskLine = memo(function TaskLine({
  row,
  index,
  top,
  height,
  current,
  selected,
  onToggle,
  onOpen,
}: {
  readonly row: TaskRow;
  readonly index: number;
  readonly top: number;
  readonly height: number;
  readonly current: boolean;
  readonly selected: boolean;
  readonly onToggle: (id: string) => void;
  readonly onOpen: (id: string) => void;
}) {
  const { id, state, task, args, kwargs, queue, worker, waited, ran, attempts, since, error } = row;
  const named = task ?? id;
  const said = state === "failed" || state === "dead" || state === "retrying" ? error : undefined;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-current={current}
      className={`absolute inset-x-0 items-center border-b px-3 sm:px-4 ${tableColumns} ${current ? "bg-accent-soft" : selected ? "bg-sunken" : "hover:bg-sunken"} cursor-default content-center`}
      style={{ transform: `translateY(${String(top)}px)`, height }}
      onClick={() => onOpen(id)}
    >
      <span role="gridcell" className="flex" onClick={(event) => event.stopPropagation()}>
        <input type="checkbox" aria-label={`Select ${named}`} checked={selected} onChange={() => onToggle(id)} />
      </span>
      <span role="gridcell">
        <StateMark state={state} />
      </span>
      <span role="gridcell" className="flex min-w-0 items-baseline gap-2">
        <button
          type="button"
          className="truncate text-left hover:underline"
          title={`${named}\n${id}`}
          onClick={(event) => {
            event.stopPropagation();
            onOpen(id);
          }}
        >
          {task === undefined ? <span className="font-mono text-small">{id}</span> : shortTask(task)}
        </button>
        <span className="ml-auto shrink-0 text-small text-dim @3xl:hidden">
          <Age at={since} />
        </span>
      </span>
      <span
        role="gridcell"
        className="col-span-2 col-start-2 min-w-0 truncate text-small @3xl:col-span-1 @3xl:col-start-auto"
        title={said ?? inlineArgs(args, kwargs)}
      >
        {said === undefined ? (
          <span className="font-mono text-dim">{inlineArgs(args, kwargs)}</span>
        ) : (
          <span className="text-failed">{said}</span>
        )}
      </span>
      <span role="gridcell" className="hidden truncate @5xl:block" title={queue}>
        {queue}
      </span>
      <span role="gridcell" className="hidden truncate text-dim @5xl:block" title={worker}>
        {worker}
      </span>
      <span role="gridcell" className="hidden text-right @3xl:block">
        {waited === undefined && (state === "queued" || state === "retrying") ? (
          <Lasting from={since} />
        ) : (
          <Lasting ms={waited} />
        )}
      </span>
      <span role="gridcell" className="hidden text-right @3xl:block">
        {state === "running" ? <Lasting from={since} /> : <Lasting ms={ran} />}
      </span>
      <span role="gridcell" className="hidden text-right @5xl:block">
        {attempts === 0 ? <Nothing /> : countText(attempts)}
      </span>
      <span role="gridcell" className="hidden text-right text-dim @3xl:block">
        <Age at={since} />
      </span>
    </div>
  );
});
