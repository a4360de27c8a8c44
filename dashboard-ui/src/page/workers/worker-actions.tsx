/** Grow, shrink, autoscale, restart, consumers, limits, shutdown: what an admin may press on one worker. */

import { type FormEvent, type ReactNode, useState } from "react";
import type { WorkerRow } from "../../../../src/dashboard/contract.ts";
import { Button, ConfirmButton } from "../../part/button.tsx";
import { useMay, usePress } from "../../server/press.tsx";

const box = "h-7 rounded border border-line-strong/60 bg-surface px-2 max-sm:h-9";

export function WorkerActions({ row }: { readonly row: WorkerRow }) {
  const may = useMay();
  const { press, busy } = usePress();
  const [more, setMore] = useState(false);
  const worker = row.name;
  if (!may("worker.grow") && !may("limit.rate")) return null;
  return (
    <div role="group" aria-label="Actions" className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <Button disabled={busy} onClick={() => press({ do: "worker.grow", worker, by: 1 })}>
          Grow by 1
        </Button>
        <Button disabled={busy || row.slots === 1} onClick={() => press({ do: "worker.shrink", worker, by: 1 })}>
          Shrink by 1
        </Button>
        <Button disabled={busy} onClick={() => press({ do: "worker.restart-pool", worker })}>
          Restart the pool
        </Button>
        <Button aria-expanded={more} onClick={() => setMore(!more)}>
          More…
        </Button>
        <ConfirmButton
          label="Shut down"
          question="Shut this worker down?"
          disabled={busy}
          onConfirm={() => press({ do: "worker.shutdown", worker })}
        />
      </div>
      {more ? (
        <div className="flex flex-col gap-3 rounded border p-3">
          <Autoscale worker={worker} row={row} />
          <Consumers worker={worker} queues={row.queues ?? []} />
          <RateLimit worker={worker} />
          <TimeLimit worker={worker} />
        </div>
      ) : null}
    </div>
  );
}

function Line({
  label,
  onSubmit,
  children,
}: {
  readonly label: string;
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}) {
  return (
    <form
      aria-label={label}
      className="flex flex-wrap items-center gap-2"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <span className="w-24 text-dim">{label}</span>
      {children}
    </form>
  );
}

function Autoscale({ worker, row }: { readonly worker: string; readonly row: WorkerRow }) {
  const { press, busy } = usePress();
  const [min, setMin] = useState("1");
  const [max, setMax] = useState(String(row.slots ?? 4));
  const good = /^\d+$/.test(min) && /^\d+$/.test(max) && Number(max) >= Math.max(1, Number(min));
  return (
    <Line
      label="Autoscale"
      onSubmit={() => press({ do: "worker.autoscale", worker, min: Number(min), max: Number(max) })}
    >
      <input
        className={`${box} w-16`}
        inputMode="numeric"
        aria-label="At least"
        value={min}
        onChange={({ target }) => setMin(target.value)}
      />
      to
      <input
        className={`${box} w-16`}
        inputMode="numeric"
        aria-label="At most"
        value={max}
        onChange={({ target }) => setMax(target.value)}
      />
      <Button type="submit" disabled={busy || !good}>
        Set
      </Button>
    </Line>
  );
}

function Consumers({ worker, queues }: { readonly worker: string; readonly queues: readonly string[] }) {
  const { press, busy } = usePress();
  const [queue, setQueue] = useState("");
  const name = queue.trim();
  return (
    <Line label="Queue" onSubmit={() => press({ do: "worker.add-consumer", worker, queue: name })}>
      <input
        className={`${box} w-40`}
        aria-label="Queue"
        value={queue}
        maxLength={300}
        list="consumed"
        onChange={({ target }) => setQueue(target.value)}
      />
      <datalist id="consumed">
        {queues.map((known) => (
          <option key={known} value={known} />
        ))}
      </datalist>
      <Button type="submit" disabled={busy || name === ""}>
        Take from it
      </Button>
      <Button
        disabled={busy || name === ""}
        onClick={() => press({ do: "worker.cancel-consumer", worker, queue: name })}
      >
        Not any more
      </Button>
    </Line>
  );
}

function RateLimit({ worker }: { readonly worker: string }) {
  const { press, busy } = usePress();
  const [task, setTask] = useState("");
  const [rate, setRate] = useState("");
  return (
    <Line label="Rate limit" onSubmit={() => press({ do: "limit.rate", task: task.trim(), rate: rate.trim(), worker })}>
      <input
        className={`${box} w-40`}
        aria-label="Task"
        placeholder="task"
        value={task}
        maxLength={300}
        onChange={({ target }) => setTask(target.value)}
      />
      <input
        className={`${box} w-20`}
        aria-label="Rate"
        placeholder="10/m"
        value={rate}
        maxLength={20}
        onChange={({ target }) => setRate(target.value)}
      />
      <Button type="submit" disabled={busy || task.trim() === "" || !/^\d+(?:\.\d+)?(?:\/[smh])?$/.test(rate.trim())}>
        Set
      </Button>
    </Line>
  );
}

function TimeLimit({ worker }: { readonly worker: string }) {
  const { press, busy } = usePress();
  const [task, setTask] = useState("");
  const [soft, setSoft] = useState("");
  const [hard, setHard] = useState("");
  const good = [soft, hard].every((text) => text === "" || /^\d+(?:\.\d+)?$/.test(text)) && soft + hard !== "";
  return (
    <Line
      label="Time limits"
      onSubmit={() =>
        press({
          do: "limit.time",
          task: task.trim(),
          worker,
          ...(soft !== "" && { soft: Number(soft) }),
          ...(hard !== "" && { hard: Number(hard) }),
        })
      }
    >
      <input
        className={`${box} w-40`}
        aria-label="Task"
        placeholder="task"
        value={task}
        maxLength={300}
        onChange={({ target }) => setTask(target.value)}
      />
      <input
        className={`${box} w-20`}
        aria-label="Soft limit, seconds"
        placeholder="soft s"
        inputMode="decimal"
        value={soft}
        onChange={({ target }) => setSoft(target.value)}
      />
      <input
        className={`${box} w-20`}
        aria-label="Hard limit, seconds"
        placeholder="hard s"
        inputMode="decimal"
        value={hard}
        onChange={({ target }) => setHard(target.value)}
      />
      <Button type="submit" disabled={busy || task.trim() === "" || !good}>
        Set
      </Button>
    </Line>
  );
}
