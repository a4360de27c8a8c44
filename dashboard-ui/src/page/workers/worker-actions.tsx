/** Grow, shrink, autoscale, restart, consumers, limits, shutdown: what an admin may press on one worker. */

import { type ComponentProps, type FormEvent, type ReactNode, useState } from "react";
import type { WorkerRow } from "../../../../src/dashboard/contract.ts";
import { Button, ConfirmButton } from "../../part/button.tsx";
import { useMay, usePress, useSession } from "../../server/press.tsx";

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

function Box({
  width,
  label,
  text,
  onText,
  ...rest
}: {
  readonly width: string;
  readonly label: string;
  readonly text: string;
  readonly onText: (text: string) => void;
} & Pick<ComponentProps<"input">, "placeholder" | "inputMode" | "maxLength" | "list">) {
  return (
    <input
      className={`${box} ${width}`}
      aria-label={label}
      value={text}
      onChange={({ target }) => onText(target.value)}
      {...rest}
    />
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
      <Box width="w-16" label="At least" text={min} onText={setMin} inputMode="numeric" />
      to
      <Box width="w-16" label="At most" text={max} onText={setMax} inputMode="numeric" />
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
      <Box width="w-40" label="Queue" text={queue} onText={setQueue} maxLength={300} list="consumed" />
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

/** Whom a limit is for: who is not named is there to stay, as far as something keeps it. */
type Reach = "one" | "all";

function ReachBox({ reach, onReach }: { readonly reach: Reach; readonly onReach: (reach: Reach) => void }) {
  const kept = useSession()?.broker.can.facts === true;
  return (
    <select
      className={box}
      aria-label="Which workers"
      value={reach}
      onChange={({ target }) => onReach(target.value === "all" ? "all" : "one")}
    >
      <option value="one">this worker, until it ends</option>
      <option value="all">{kept ? "all workers, and those to come" : "all workers that are there now"}</option>
    </select>
  );
}

function RateLimit({ worker }: { readonly worker: string }) {
  const { press, busy } = usePress();
  const [task, setTask] = useState("");
  const [rate, setRate] = useState("");
  const [reach, setReach] = useState<Reach>("one");
  return (
    <Line
      label="Rate limit"
      onSubmit={() =>
        press({ do: "limit.rate", task: task.trim(), rate: rate.trim(), ...(reach === "one" && { worker }) })
      }
    >
      <Box width="w-40" label="Task" text={task} onText={setTask} placeholder="task" maxLength={300} />
      <Box width="w-20" label="Rate" text={rate} onText={setRate} placeholder="10/m" maxLength={20} />
      <ReachBox reach={reach} onReach={setReach} />
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
  const [reach, setReach] = useState<Reach>("one");
  const good = [soft, hard].every((text) => text === "" || /^\d+(?:\.\d+)?$/.test(text)) && soft + hard !== "";
  return (
    <Line
      label="Time limits"
      onSubmit={() =>
        press({
          do: "limit.time",
          task: task.trim(),
          ...(reach === "one" && { worker }),
          ...(soft !== "" && { soft: Number(soft) }),
          ...(hard !== "" && { hard: Number(hard) }),
        })
      }
    >
      <Box width="w-40" label="Task" text={task} onText={setTask} placeholder="task" maxLength={300} />
      <Box
        width="w-20"
        label="Soft limit, seconds"
        text={soft}
        onText={setSoft}
        placeholder="soft s"
        inputMode="decimal"
      />
      <Box
        width="w-20"
        label="Hard limit, seconds"
        text={hard}
        onText={setHard}
        placeholder="hard s"
        inputMode="decimal"
      />
      <ReachBox reach={reach} onReach={setReach} />
      <Button type="submit" disabled={busy || task.trim() === "" || !good}>
        Set
      </Button>
    </Line>
  );
}
