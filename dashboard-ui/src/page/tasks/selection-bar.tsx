/** What can be done with all that is selected. */

import { useState } from "react";
import type { TaskFilter, TaskPage, TaskRow } from "../../../../src/dashboard/contract.ts";
import { Button, ConfirmButton } from "../../part/button.tsx";
import { useNotice } from "../../part/notice.tsx";
import { useInstruments } from "../../server/instruments.tsx";
import type { Params, Server } from "../../server/ask.ts";
import { useMay, usePress } from "../../server/press.tsx";
import { countOf, countText } from "../../text/number.ts";
import { MoveForm } from "../task/move-form.tsx";
import { asTasks, nothing, type Selection, sizeOf } from "./selection.ts";

/** Rows of one export. */
const mostRows = 10_000;
const perPage = 200;

export function SelectionBar({
  selection,
  total,
  filter,
  rows,
  onSelect,
  onDone,
}: {
  readonly selection: Selection;
  readonly total: number | undefined;
  readonly filter: TaskFilter;
  readonly rows: readonly TaskRow[];
  readonly onSelect: (selection: Selection) => void;
  readonly onDone: () => void;
}) {
  const may = useMay();
  const { press, busy } = usePress();
  const { server } = useInstruments();
  const say = useNotice();
  const [exporting, setExporting] = useState(false);
  const size = sizeOf(selection);
  const past = filter.at !== undefined;
  const tasks = asTasks(selection, filter);
  const exportRows = async (): Promise<void> => {
    setExporting(true);
    try {
      const chosen =
        selection.kind === "all" ? await allRows(server, filter) : rows.filter(({ id }) => selection.ids.has(id));
      download(chosen);
      say({ text: `${countOf(chosen.length, "task")} exported`, tone: "good" });
    } catch (error) {
      say({ text: error instanceof Error ? error.message : "The export failed.", tone: "bad" });
    } finally {
      setExporting(false);
    }
  };
  return (
    <div
      role="region"
      aria-label="Selected tasks"
      className="flex flex-wrap items-center gap-x-3 gap-y-2 border-t bg-accent-soft px-4 py-2"
    >
      <span className="font-semibold">
        {countText(size)} selected{selection.kind === "all" ? " (all that match)" : ""}
      </span>
      {selection.kind === "some" && total !== undefined && total > size ? (
        <button type="button" className="underline" onClick={() => onSelect({ kind: "all", expect: total })}>
          {`Select all ${countText(total)} that match`}
        </button>
      ) : null}
      {may("task.retry") && !past ? (
        <Button tone="main" disabled={busy} onClick={() => press({ do: "task.retry", tasks }, onDone)}>
          Retry
        </Button>
      ) : null}
      {may("task.requeue") && !past ? (
        <ConfirmButton
          label="Put back"
          question={`Move ${countOf(size, "task")} to the front, away from who holds them?`}
          disabled={busy}
          onConfirm={() => press({ do: "task.requeue", tasks }, onDone)}
        />
      ) : null}
      {may("task.requeue") && !past ? <MoveForm tasks={tasks} onDone={onDone} /> : null}
      {may("task.cancel") && !past ? (
        <ConfirmButton
          label="Cancel"
          question={`Cancel ${countOf(size, "task")}?`}
          disabled={busy}
          onConfirm={() => press({ do: "task.cancel", tasks }, onDone)}
        />
      ) : null}
      {may("task.revoke") && !past ? (
        <ConfirmButton
          label="Revoke"
          question={`Revoke ${countOf(size, "task")}? What waits, or is not due yet, never runs.`}
          disabled={busy}
          onConfirm={() => press({ do: "task.revoke", tasks }, onDone)}
        />
      ) : null}
      <Button disabled={exporting} onClick={() => void exportRows()}>
        Export
      </Button>
      <button
        type="button"
        className="ml-auto rounded px-1 text-dim hover:text-ink hover:underline"
        onClick={() => onSelect(nothing)}
      >
        Drop the selection
      </button>
    </div>
  );
}

async function allRows(server: Server, filter: TaskFilter): Promise<readonly TaskRow[]> {
  const rows: TaskRow[] = [];
  const { signal } = new AbortController();
  let after: string | undefined;
  do {
    const page: TaskPage = await server.ask<TaskPage>(
      "/api/tasks",
      { ...filter, limit: perPage, after } as Params,
      signal,
    );
    rows.push(...page.items);
    after = page.next;
  } while (after !== undefined && rows.length < mostRows);
  return rows;
}

/** As lines of JSON. */
function download(rows: readonly TaskRow[]): void {
  const url = URL.createObjectURL(
    new Blob(
      rows.map((row) => `${JSON.stringify(row)}\n`),
      { type: "application/x-ndjson" },
    ),
  );
  const link = document.createElement("a");
  link.href = url;
  link.download = "tasks.ndjson";
  link.click();
  URL.revokeObjectURL(url);
}
