/** A line of time: some hours behind, a day ahead, with the runs on it. */

import type { ScheduleRow } from "../../../../src/dashboard/contract.ts";
import { stateFill } from "../../part/state-mark.tsx";
import { useNow } from "../../server/instruments.tsx";
import { clockText, fullMomentText, shortClockText } from "../../text/moment.ts";

const hour = 3_600_000;
const behind = 6 * hour;
const ahead = 24 * hour;

function percent(at: number, now: number): number {
  return ((at - now + behind) / (behind + ahead)) * 100;
}

/** Whole hours, each third one named. */
export function DayScale() {
  const now = useNow();
  const first = Math.ceil((now - behind) / (3 * hour)) * 3 * hour;
  const marks = Array.from({ length: 10 }, (_, index) => first + index * 3 * hour).filter(
    (at) => at < now + ahead - hour,
  );
  return (
    <div className="relative h-5 text-small text-dim" aria-hidden="true">
      {marks.map((at) => (
        <span key={at} className="absolute -translate-x-1/2" style={{ left: `${percent(at, now).toFixed(2)}%` }}>
          {Math.abs(percent(at, now) - percent(now, now)) < 4 ? "" : shortClockText(at)}
        </span>
      ))}
      <span
        className="absolute -translate-x-1/2 font-semibold text-accent"
        style={{ left: `${percent(now, now).toFixed(2)}%` }}
      >
        now
      </span>
    </div>
  );
}

export function DayLine({ row }: { readonly row: ScheduleRow }) {
  const now = useNow();
  const next = row.next.filter((at) => at < now + ahead);
  const ran = row.ticks.filter(({ tick }) => tick > now - behind);
  const first = next[0];
  const words =
    first === undefined
      ? "no run within a day"
      : `next runs: ${next
          .slice(0, 3)
          .map((at) => clockText(at, now))
          .join(", ")}`;
  return (
    <div role="img" aria-label={words} className="relative h-5">
      <span className="absolute inset-x-0 top-1/2 h-px bg-line-strong/60" />
      <span className="absolute inset-y-0 w-px bg-accent" style={{ left: `${percent(now, now).toFixed(2)}%` }} />
      {ran.map(({ tick, row, id }) => (
        <span
          key={tick}
          className={`absolute top-1 h-3 w-1 -translate-x-1/2 ${row === undefined ? (id === undefined ? "bg-line-strong" : "bg-queued") : stateFill[row.state]}`}
          style={{ left: `${percent(tick, now).toFixed(2)}%` }}
          title={`${fullMomentText(tick)}: ${row?.state ?? (id === undefined ? "left out" : "sent")}`}
        />
      ))}
      {next.map((at) => (
        <span
          key={at}
          className="absolute top-1/2 size-2 -translate-x-1/2 -translate-y-1/2 rounded-full border-2 border-accent bg-surface"
          style={{ left: `${percent(at, now).toFixed(2)}%` }}
          title={fullMomentText(at)}
        />
      ))}
    </div>
  );
}
