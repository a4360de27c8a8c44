/** Counts by state, which filter when pressed, and the other filters as chips. */

import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useId, useState } from "react";
import type { TaskCounts } from "../../../../src/dashboard/contract.ts";
import { Button } from "../../part/button.tsx";
import { Chip } from "../../part/bits.tsx";
import { StateShape, stateInk } from "../../part/state-mark.tsx";
import { usePlace } from "../../place/place.tsx";
import { type ChosenFilter, isEmptyFilter, type ListField, states, toggled } from "../../place/task-filter.ts";
import { useQuestions } from "../../server/instruments.tsx";
import { countText, shortCountText } from "../../text/number.ts";

const chipFields: readonly Exclude<ListField, "state">[] = ["task", "queue", "worker"];

export function FilterBar({
  chosen,
  counts,
  newer,
  onNewer,
}: {
  readonly chosen: ChosenFilter;
  readonly counts: TaskCounts | undefined;
  readonly newer: number;
  readonly onNewer: () => void;
}) {
  const { change } = usePlace();
  const set = (field: string, value: string | readonly string[] | undefined): void =>
    change({ [field]: value, row: undefined });
  return (
    <div className="flex flex-col gap-2">
      <div
        role="group"
        aria-label="States"
        className="quiet-scroll -mx-1 flex gap-1 px-1 py-0.5 max-sm:overflow-x-auto sm:flex-wrap"
      >
        {states.map((state) => {
          const on = chosen.state.includes(state);
          const count = counts?.states[state];
          return (
            <button
              key={state}
              type="button"
              aria-pressed={on}
              title={count === undefined ? state : `${countText(count)} ${state}`}
              className={`flex h-7 shrink-0 items-center gap-1.5 rounded border px-2 max-sm:h-9 ${stateInk[state]} ${on ? "border-current bg-sunken font-semibold" : "border-line bg-surface hover:bg-sunken"}`}
              onClick={() => set("state", toggled(chosen.state, state))}
            >
              <StateShape state={state} />
              {state}
              <span className={count === 0 ? "text-dim" : "text-ink"}>
                {count === undefined ? "" : shortCountText(count)}
                {counts?.atLeast.includes(state) === true ? "+" : ""}
              </span>
            </button>
          );
        })}
      </div>
      <div className="flex flex-wrap items-center gap-2">
        <AddFilter onAdd={(field, value) => set(field, [...new Set([...chosen[field], value])])} />
        {chipFields.flatMap((field) =>
          chosen[field].map((value) => (
            <Chip
              key={`${field} ${value}`}
              label={`${field} ${value}`}
              onRemove={() => set(field, toggled(chosen[field], value))}
            >
              <span className="text-dim">{field} </span>
              {value}
            </Chip>
          )),
        )}
        {chosen.text === "" ? null : (
          <Chip label="text" onRemove={() => set("text", undefined)}>
            <span className="text-dim">text </span>
            {chosen.text}
          </Chip>
        )}
        {isEmptyFilter(chosen) ? null : (
          <button
            type="button"
            className="rounded px-1 text-small text-dim hover:text-ink hover:underline"
            onClick={() =>
              change({
                state: undefined,
                task: undefined,
                queue: undefined,
                worker: undefined,
                text: undefined,
                row: undefined,
              })
            }
          >
            Remove all
          </button>
        )}
        <span className="ml-auto flex items-center gap-2">
          {newer > 0 ? <Button onClick={onNewer}>{`Show ${shortCountText(newer)} newer`}</Button> : null}
          <button
            type="button"
            className="rounded px-1 text-small whitespace-nowrap text-dim hover:text-ink hover:underline"
            onClick={() => set("order", chosen.order === "newest" ? "oldest" : undefined)}
          >
            {chosen.order === "newest" ? "Newest first ↓" : "Oldest first ↑"}
          </button>
        </span>
      </div>
    </div>
  );
}

/** One field for all: what is typed is looked for among the names of tasks, queues and workers. */
function AddFilter({ onAdd }: { readonly onAdd: (field: (typeof chipFields)[number], value: string) => void }) {
  const names = useQuery(useQuestions().names()).data;
  const [text, setText] = useState("");
  const id = useId();
  const offered = chipFields.flatMap((field) =>
    (names?.[`${field}s`] ?? []).slice(0, 300).map((name) => `${field}:${name}`),
  );
  const take = (typed: string): boolean => {
    const field = chipFields.find((name) => typed.startsWith(`${name}:`) && typed.length > name.length + 1);
    if (field === undefined) return false;
    onAdd(field, typed.slice(field.length + 1).trim());
    setText("");
    return true;
  };
  return (
    <>
      <input
        list={id}
        value={text}
        aria-label="Add a filter by task, queue or worker"
        placeholder="+ task, queue or worker"
        maxLength={300}
        className="h-7 w-52 rounded border border-line-strong/60 bg-surface px-2 max-sm:h-9"
        onChange={({ target }) => {
          const { value } = target;
          if (!offered.includes(value) || !take(value)) setText(value);
        }}
        onKeyDown={(event: KeyboardEvent<HTMLInputElement>) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          const wanted = text.trim();
          if (take(wanted)) return;
          const only = offered.filter((name) => name.includes(wanted));
          if (wanted !== "" && only[0] !== undefined) take(only[0]);
        }}
      />
      <datalist id={id}>
        {offered.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}
