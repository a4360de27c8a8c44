/** Edit and run again: a new task with another input. What is not JSON is said before it is sent. */

import { type FormEvent, type ReactNode, useId, useState } from "react";
import type { TaskDetail } from "../../../../src/dashboard/contract.ts";
import { Section } from "../../part/bits.tsx";
import { Button } from "../../part/button.tsx";
import { usePlace } from "../../place/place.tsx";
import { usePress } from "../../server/press.tsx";
import { jsonOr } from "../../text/literal.ts";

const box = "w-full rounded border border-line-strong/60 bg-surface px-2 py-1";

export function EditForm({ detail, onClose }: { readonly detail: TaskDetail; readonly onClose: () => void }) {
  const { go } = usePlace();
  const { press, busy } = usePress();
  const [task, setTask] = useState(detail.row.task ?? "");
  const [queue, setQueue] = useState(detail.row.queue ?? "");
  const [args, setArgs] = useState(() => jsonOr(detail.args, "[]"));
  const [kwargs, setKwargs] = useState(() => jsonOr(detail.kwargs, "{}"));
  const [delay, setDelay] = useState("");
  const badArgs = problemOf(args, "list");
  const badKwargs = problemOf(kwargs, "object");
  const seconds = delay.trim() === "" ? 0 : Number(delay);
  const badDelay = Number.isFinite(seconds) && seconds >= 0 ? undefined : "must be a number of seconds";
  const cut = !isJson(detail.args) || !isJson(detail.kwargs);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    press(
      {
        do: "task.edit-and-run",
        id: detail.row.id,
        task: task.trim(),
        args,
        kwargs,
        ...(queue.trim() !== "" && { queue: queue.trim() }),
        ...(seconds > 0 && { delay: Math.round(seconds * 1_000) }),
      },
      ({ id }) => (id === undefined ? onClose() : go(`/tasks/${encodeURIComponent(id)}`)),
    );
  };
  return (
    <Section title="Edit and run again">
      <form onSubmit={submit} className="flex flex-col gap-3 rounded border bg-surface p-3">
        {cut ? (
          <p className="text-small text-retrying">
            The kept arguments are cut or are no JSON, so they are not filled in. The message tab may have them whole.
          </p>
        ) : null}
        <div className="grid gap-3 sm:grid-cols-3">
          <Field label="Task">
            {(id) => (
              <input
                id={id}
                className={box}
                value={task}
                required
                maxLength={300}
                onChange={({ target }) => setTask(target.value)}
              />
            )}
          </Field>
          <Field label="Queue">
            {(id) => (
              <input
                id={id}
                className={box}
                value={queue}
                maxLength={300}
                placeholder="the task's own"
                onChange={({ target }) => setQueue(target.value)}
              />
            )}
          </Field>
          <Field label="Delay, seconds" problem={badDelay}>
            {(id) => (
              <input
                id={id}
                className={box}
                inputMode="decimal"
                value={delay}
                placeholder="0"
                onChange={({ target }) => setDelay(target.value)}
              />
            )}
          </Field>
        </div>
        <div className="grid gap-3 sm:grid-cols-2">
          <JsonField label="Positional arguments, a JSON list" problem={badArgs} text={args} onText={setArgs} />
          <JsonField label="Named arguments, a JSON object" problem={badKwargs} text={kwargs} onText={setKwargs} />
        </div>
        <div className="flex gap-2">
          <Button
            type="submit"
            tone="main"
            disabled={
              busy || task.trim() === "" || badArgs !== undefined || badKwargs !== undefined || badDelay !== undefined
            }
          >
            Run as a new task
          </Button>
          <Button onClick={onClose}>Leave it</Button>
        </div>
      </form>
    </Section>
  );
}

function JsonField({
  label,
  problem,
  text,
  onText,
}: {
  readonly label: string;
  readonly problem: string | undefined;
  readonly text: string;
  readonly onText: (text: string) => void;
}) {
  return (
    <Field label={label} problem={problem}>
      {(id) => (
        <textarea
          id={id}
          rows={7}
          spellCheck={false}
          className={`${box} font-mono text-small`}
          value={text}
          onChange={({ target }) => onText(target.value)}
        />
      )}
    </Field>
  );
}

function Field({
  label,
  problem,
  children,
}: {
  readonly label: string;
  readonly problem?: string | undefined;
  readonly children: (id: string) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-small text-dim">
        {label}
      </label>
      {children(id)}
      {problem === undefined ? null : (
        <p role="alert" className="text-small text-failed">
          {problem}
        </p>
      )}
    </div>
  );
}

function problemOf(text: string, what: "list" | "object"): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const fits =
      what === "list" ? Array.isArray(value) : typeof value === "object" && value !== null && !Array.isArray(value);
    return fits ? undefined : `must be a JSON ${what}`;
  } catch {
    return "is no JSON yet";
  }
}

function isJson(text: string | undefined): boolean {
  return text === undefined || jsonOr(text, "\0") !== "\0";
}
