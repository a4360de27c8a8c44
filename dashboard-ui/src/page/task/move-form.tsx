/** Into another queue: for what waits, behind a button that opens a field of the queues that are known. Any other name is taken too. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import type { TaskSelection } from "../../../../src/dashboard/contract.ts";
import { Button } from "../../part/button.tsx";
import { useQuestions } from "../../server/instruments.tsx";
import { usePress } from "../../server/press.tsx";

/** Names that are offered. */
const mostOffered = 300;

export function MoveForm({
  tasks,
  from,
  onDone,
}: {
  readonly tasks: TaskSelection;
  /** Where they are, if that is one queue: it is not offered. */
  readonly from?: string | undefined;
  readonly onDone?: () => void;
}) {
  const { press, busy } = usePress();
  const [open, setOpen] = useState(false);
  const [queue, setQueue] = useState("");
  const id = useId();
  const names = useQuery({ ...useQuestions().names(), enabled: open }).data;
  const wanted = queue.trim();
  if (!open)
    return (
      <Button disabled={busy} title="Into another queue, to its front" onClick={() => setOpen(true)}>
        Move…
      </Button>
    );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    press({ do: "task.requeue", tasks, queue: wanted }, () => {
      setOpen(false);
      setQueue("");
      onDone?.();
    });
  };
  return (
    <form aria-label="Move to another queue" onSubmit={submit} className="inline-flex flex-wrap items-center gap-2">
      <input
        list={id}
        value={queue}
        aria-label="Queue to move to"
        placeholder="queue"
        maxLength={300}
        required
        // It has taken the place of the button that had the focus.
        autoFocus
        className="h-7 w-40 rounded border border-line-strong/60 bg-surface px-2 max-sm:h-9"
        onChange={({ target }) => setQueue(target.value)}
      />
      <datalist id={id}>
        {(names?.queues ?? [])
          .filter((name) => name !== from)
          .slice(0, mostOffered)
          .map((name) => (
            <option key={name} value={name} />
          ))}
      </datalist>
      <Button type="submit" tone="main" disabled={busy || wanted === "" || wanted === from}>
        Move
      </Button>
      <Button onClick={() => setOpen(false)}>Leave it</Button>
    </form>
  );
}
