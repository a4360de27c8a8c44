/** All workflows, the newest change first. */

import { useInfiniteQuery } from "@tanstack/react-query";
import type { WorkflowRow } from "../../../../src/dashboard/contract.ts";
import { Age } from "../../part/age.tsx";
import { Answer, Empty } from "../../part/bits.tsx";
import { StateShape, stateFill } from "../../part/state-mark.tsx";
import { More } from "../../part/more.tsx";
import { Go, usePlace } from "../../place/place.tsx";
import { states } from "../../place/task-filter.ts";
import { momentOf } from "../../place/time-choice.ts";
import { useQuestions } from "../../server/instruments.tsx";
import { shortId } from "../../text/id.ts";
import { countText } from "../../text/number.ts";

const code = `import { chord } from "celeriac";

await app.delay(chord(images.map((image) => resize.si(image)), publish.s()));`;

const choices = [
  { value: undefined, label: "All" },
  { value: "open", label: "Unfinished" },
  { value: "failed", label: "With failures" },
] as const;

export default function WorkflowsPage() {
  const { params, time, change } = usePlace();
  const only = choices.find(({ value }) => value === params.get("only"))?.value;
  const query = useInfiniteQuery(useQuestions().workflows(only, momentOf(time)));
  return (
    <div className="quiet-scroll flex h-full flex-col gap-3 overflow-y-auto p-3 sm:p-4">
      <h1 className="sr-only">Workflows</h1>
      <div role="group" aria-label="Which" className="flex gap-1">
        {choices.map(({ value, label }) => (
          <button
            key={label}
            type="button"
            aria-pressed={only === value}
            className={`h-7 rounded border px-2 max-sm:h-9 ${only === value ? "border-accent bg-accent-soft font-semibold text-accent" : "bg-surface hover:bg-sunken"}`}
            onClick={() => change({ only: value })}
          >
            {label}
          </button>
        ))}
      </div>
      <Answer query={query}>
        {({ pages }) => {
          const rows = pages.flatMap(({ items }) => items);
          if (rows.length === 0)
            return only === undefined ? (
              <Empty title="No workflow was seen yet" code={code}>
                Chains, groups and chords appear here with their tasks, as one graph each.
              </Empty>
            ) : (
              <Empty title="None of this kind" />
            );
          return (
            <>
              <ul>
                {rows.map((row) => (
                  <WorkflowLine key={row.root} row={row} />
                ))}
              </ul>
              <More pages={query} />
            </>
          );
        }}
      </Answer>
    </div>
  );
}

function WorkflowLine({ row }: { readonly row: WorkflowRow }) {
  const { root, task, states: counts, total, changed } = row;
  const present = states.filter((state) => (counts[state] ?? 0) > 0);
  return (
    <li>
      <Go
        to={`/workflows/${encodeURIComponent(root)}`}
        className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 border-b px-1 py-1.5 hover:bg-sunken md:grid-cols-[minmax(0,1.2fr)_6rem_minmax(8rem,1fr)_14rem_7rem]"
      >
        <span className="truncate" title={task ?? root}>
          {task ?? `Workflow of ${countText(total)} tasks`}
        </span>
        <span className="hidden font-mono text-small text-dim md:block" title={root}>
          {shortId(root)}
        </span>
        <span className="flex h-2 w-full overflow-hidden rounded-full bg-sunken max-md:order-3" aria-hidden="true">
          {present.map((state) => (
            <span
              key={state}
              className={stateFill[state]}
              style={{ width: `${String(((counts[state] ?? 0) / total) * 100)}%` }}
            />
          ))}
        </span>
        <span className="flex flex-wrap gap-x-3 text-small max-md:order-4">
          {present.map((state) => (
            <span key={state} className="flex items-center gap-1 whitespace-nowrap" title={state}>
              <StateShape state={state} />
              {countText(counts[state] ?? 0)}
              <span className="sr-only">{state}</span>
            </span>
          ))}
        </span>
        <span className="text-right text-small text-dim">
          <Age at={changed} />
        </span>
      </Go>
    </li>
  );
}
