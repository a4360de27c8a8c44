/** One queue: figures, pause and purge, and the messages in it. */

import type { QueueRow } from "../../../../src/dashboard/contract.ts";
import { Age, Nothing } from "../../part/age.tsx";
import { Bar, Facts, Section } from "../../part/bits.tsx";
import { Button } from "../../part/button.tsx";
import { Panel } from "../../part/panel.tsx";
import { Sparkline } from "../../part/sparkline.tsx";
import { Go } from "../../place/place.tsx";
import { useMay, usePress, useSession } from "../../server/press.tsx";
import { durationText } from "../../text/duration.ts";
import { countText, rateText } from "../../text/number.ts";
import { Messages } from "./messages.tsx";
import { PurgeForm } from "./purge-form.tsx";
import { Drain } from "./drain.tsx";

export function QueuePanel({
  row,
  at,
  onClose,
}: {
  readonly row: QueueRow;
  readonly at: number | undefined;
  readonly onClose: () => void;
}) {
  const may = useMay();
  const session = useSession();
  const { press, busy } = usePress();
  const { name, ready, delayed, leased, running, oldest, rateIn, rateOut, consumers, paused, depth, wait, run } = row;
  const now = at === undefined;
  return (
    <Panel title={name} onClose={onClose}>
      {now ? (
        <div role="group" aria-label="Actions" className="flex flex-wrap items-center gap-2">
          {paused === true && may("queue.resume") ? (
            <Button tone="main" disabled={busy} onClick={() => press({ do: "queue.resume", queue: name })}>
              Resume
            </Button>
          ) : null}
          {paused === false && may("queue.pause") ? (
            <Button disabled={busy} onClick={() => press({ do: "queue.pause", queue: name })}>
              Pause
            </Button>
          ) : null}
          <Go to="/tasks" with={{ queue: name, state: "queued", order: "oldest" }} className="underline">
            Its waiting tasks
          </Go>
        </div>
      ) : null}
      <Sparkline values={depth} width={480} height={56} label="Depth over the last hour" ink="text-queued" stretched />
      <Facts
        rows={[
          ["waiting", countText(ready)],
          ["oldest", oldest === undefined ? <Nothing /> : <Age at={oldest} ago={false} />],
          ["in flight", countText(leased ?? running)],
          delayed === undefined ? undefined : ["delayed", countText(delayed)],
          ["comes in", rateText(rateIn)],
          ["goes out", rateText(rateOut)],
          ["empty in", <Drain key="drain" row={row} />],
          consumers === undefined
            ? undefined
            : [
                "consumers",
                consumers === 0 ? (
                  <span className="text-failed">0: no worker takes from it</span>
                ) : (
                  countText(consumers)
                ),
              ],
          wait === undefined
            ? undefined
            : [
                "waited",
                `p50 ${durationText(wait.p50)} · p95 ${durationText(wait.p95)} · p99 ${durationText(wait.p99)}`,
              ],
          run === undefined
            ? undefined
            : ["ran", `p50 ${durationText(run.p50)} · p95 ${durationText(run.p95)} · p99 ${durationText(run.p99)}`],
        ]}
      />
      <Priorities row={row} />
      {now && session?.broker.can.browse === true ? <Messages queue={name} /> : null}
      {now && may("queue.purge") ? <PurgeForm row={row} /> : null}
    </Panel>
  );
}

function Priorities({ row: { priorities = [] } }: { readonly row: QueueRow }) {
  const top = Math.max(0, ...priorities.map(({ count }) => count));
  if (priorities.length < 2 || top === 0) return null;
  return (
    <Section title="By priority">
      <ul className="grid grid-cols-[max-content_minmax(0,1fr)_max-content] items-center gap-x-3 gap-y-1">
        {priorities.map(({ priority, count }) => (
          <li key={priority} className="contents">
            <span className="text-right text-dim">{priority}</span>
            <Bar
              share={top === 0 ? 0 : count / top}
              label={`Priority ${String(priority)}: ${countText(count)}`}
              ink="bg-queued"
            />
            <span className="text-right">{countText(count)}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
