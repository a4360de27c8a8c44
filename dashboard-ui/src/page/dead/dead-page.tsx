/** Dead letters, grouped by reason: one can be redriven, or all that match. */

import { useInfiniteQuery } from "@tanstack/react-query";
import type { DeadLetterPage, DeadLetterRow, LetterSelection } from "../../../../src/dashboard/contract.ts";
import { Age } from "../../part/age.tsx";
import { Answer, Chip, Empty } from "../../part/bits.tsx";
import { Button, ConfirmButton } from "../../part/button.tsx";
import { WithPanel } from "../../part/panel.tsx";
import { More } from "../../part/more.tsx";
import { useKeys } from "../../place/keys.ts";
import { usePlace } from "../../place/place.tsx";
import { rowKeys } from "../../place/row-keys.ts";
import { useQuestions, useTopic } from "../../server/instruments.tsx";
import { useMay, usePress } from "../../server/press.tsx";
import { shortTask } from "../../text/id.ts";
import { countOf, countText } from "../../text/number.ts";
import { DeadPanel } from "./dead-panel.tsx";

/** The server looks at so many for the groups. */
const mostGrouped = 1_000;
const fields = ["reason", "task", "queue"] as const;

export default function DeadPage() {
  const { params, change } = usePlace();
  const filter = {
    queue: params.get("queue") ?? undefined,
    task: params.get("task") ?? undefined,
    reason: params.get("reason") ?? undefined,
  };
  const query = useInfiniteQuery(useQuestions().dead(filter));
  useTopic("dead");
  const open = params.get("row") ?? undefined;
  const rows = query.data?.pages.flatMap(({ items }) => items) ?? [];
  const row = rows.find(({ key }) => key === open);
  const groups = query.data?.pages[0]?.groups ?? [];
  const show = (key: string | undefined): void =>
    change({ row: key }, { replace: open !== undefined && key !== undefined });
  useKeys(
    rowKeys(
      rows.map(({ key }) => key),
      open,
      show,
    ),
  );
  const filtered = fields.some((field) => filter[field] !== undefined);
  return (
    <WithPanel panel={row === undefined ? null : <DeadPanel key={row.key} row={row} onClose={() => show(undefined)} />}>
      <div className="flex flex-col gap-4 p-3 sm:p-4">
        <h1 className="sr-only">Dead letters</h1>
        {filtered ? (
          <div className="flex flex-wrap gap-2">
            {fields.map((field) => {
              const value = filter[field];
              return value === undefined ? null : (
                <Chip key={field} label={field} onRemove={() => change({ [field]: undefined, row: undefined })}>
                  <span className="text-dim">{field} </span>
                  {value}
                </Chip>
              );
            })}
          </div>
        ) : null}
        <Answer query={query}>
          {() =>
            rows.length === 0 ? (
              <Empty
                title={filtered ? "No dead letter fits" : "There is no dead letter"}
                {...(!filtered && { code: "celeriac dlq list -A ./app.ts" })}
              >
                {filtered
                  ? "Remove a filter above."
                  : "A task ends here when it keeps killing its process, when nobody knows it, or when its message cannot be read. On a terminal the same list is:"}
              </Empty>
            ) : (
              <>
                <Groups groups={groups} filter={filter} />
                <ul>
                  {rows.map((row) => (
                    <LetterLine key={row.key} row={row} open={row.key === open} onOpen={() => show(row.key)} />
                  ))}
                </ul>
                <More pages={query} />
              </>
            )
          }
        </Answer>
      </div>
    </WithPanel>
  );
}

function Groups({
  groups,
  filter,
}: {
  readonly groups: DeadLetterPage["groups"];
  readonly filter: Readonly<Record<(typeof fields)[number], string | undefined>>;
}) {
  const { change } = usePlace();
  const may = useMay();
  const { press, busy } = usePress();
  const all = groups.reduce((sum, { count }) => sum + count, 0);
  return (
    <section aria-label="Groups" className="rounded border bg-surface">
      <ul>
        {groups.map(({ reason, task, count }) => {
          const letters: LetterSelection = {
            filter: {
              reason,
              ...(task !== undefined && { task }),
              ...(filter.queue !== undefined && { queue: filter.queue }),
            },
            expect: count,
          };
          return (
            <li
              key={`${reason} ${task ?? ""}`}
              className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b px-3 py-1.5 last:border-b-0"
            >
              <span className="w-12 text-right text-dead">
                {countText(count)}
                {all >= mostGrouped ? "+" : ""}
              </span>
              <button
                type="button"
                className="min-w-0 flex-1 basis-40 truncate text-left hover:underline"
                onClick={() => change({ reason, task, row: undefined })}
              >
                <span className="font-semibold">{reason}</span>
                {task === undefined ? null : <span className="text-dim"> · {task}</span>}
              </button>
              <span className="flex gap-2">
                {may("dead.redrive") ? (
                  <Button disabled={busy} onClick={() => press({ do: "dead.redrive", letters })}>
                    Redrive all
                  </Button>
                ) : null}
                {may("dead.drop") ? (
                  <ConfirmButton
                    label="Drop all"
                    question={`Drop ${countOf(count, "letter")} for good?`}
                    disabled={busy}
                    onConfirm={() => press({ do: "dead.drop", letters })}
                  />
                ) : null}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function LetterLine({
  row,
  open,
  onOpen,
}: {
  readonly row: DeadLetterRow;
  readonly open: boolean;
  readonly onOpen: () => void;
}) {
  const { task, queue, reason, detail, at, args, attempts } = row;
  return (
    <li
      className={`grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 border-b px-1 py-1.5 @3xl:grid-cols-[10rem_minmax(8rem,1fr)_minmax(8rem,1.6fr)_11rem_6rem] ${open ? "bg-accent-soft" : "hover:bg-sunken"}`}
      onClick={onOpen}
    >
      <span className="truncate text-dead @max-3xl:order-3">◆ {reason}</span>
      <button type="button" className="truncate text-left hover:underline" title={task} onClick={onOpen}>
        {task === undefined ? "not readable" : shortTask(task)}
      </button>
      <span className="truncate text-small text-dim @max-3xl:order-4 @max-3xl:col-span-2" title={detail}>
        {detail === "" ? <span className="font-mono">{args}</span> : detail}
      </span>
      <span className="hidden truncate text-dim @3xl:block">
        {queue}
        {attempts.length === 0 ? "" : ` · ${countOf(attempts.length, "attempt")}`}
      </span>
      <span className="text-right text-small text-dim">
        <Age at={at} />
      </span>
    </li>
  );
}
