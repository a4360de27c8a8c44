/** Purging destroys, so the queue's name is typed first. */

import { useId, useState } from "react";
import type { QueueRow } from "../../../../src/dashboard/contract.ts";
import { Section } from "../../part/bits.tsx";
import { Button } from "../../part/button.tsx";
import { usePress } from "../../server/press.tsx";
import { countText } from "../../text/number.ts";

export function PurgeForm({ row }: { readonly row: QueueRow }) {
  const { press, busy } = usePress();
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const [ready, setReady] = useState(true);
  const [delayed, setDelayed] = useState(false);
  const id = useId();
  if (!open)
    return (
      <div>
        <Button tone="bad" onClick={() => setOpen(true)}>
          Purge…
        </Button>
      </div>
    );
  return (
    <Section title="Purge">
      <form
        className="flex flex-col gap-2 rounded border border-failed p-3"
        onSubmit={(event) => {
          event.preventDefault();
          press({ do: "queue.purge", queue: row.name, typed, ready, delayed }, () => setOpen(false));
        }}
      >
        <p>The messages are deleted and cannot be brought back. What runs goes on.</p>
        <label className="flex items-center gap-2">
          <input type="checkbox" checked={ready} onChange={({ target }) => setReady(target.checked)} />
          {`${countText(row.ready)} waiting`}
        </label>
        <label className="flex items-center gap-2">
          <input type="checkbox" checked={delayed} onChange={({ target }) => setDelayed(target.checked)} />
          {`${row.delayed === undefined ? "" : `${countText(row.delayed)} `}delayed`}
        </label>
        <label htmlFor={id}>
          Type <b>{row.name}</b> to go on
        </label>
        <input
          id={id}
          value={typed}
          autoComplete="off"
          autoFocus
          className="h-7 rounded border border-line-strong/60 bg-surface px-2 max-sm:h-9"
          onChange={({ target }) => setTyped(target.value)}
        />
        <span className="flex gap-2">
          <Button type="submit" tone="bad" disabled={busy || typed !== row.name || (!ready && !delayed)}>
            Purge
          </Button>
          <Button onClick={() => setOpen(false)}>Keep them</Button>
        </span>
      </form>
    </Section>
  );
}
