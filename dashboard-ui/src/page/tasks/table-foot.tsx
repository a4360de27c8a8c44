/**
 * Where one is in a table that may be hundreds of thousands of rows long, and a way to any other place in it: rows lie by time, so a slider
 * over the time that is kept goes where scrolling would take a thousand questions. It changes where the table begins, never what fits.
 */

import { useEffect, useState } from "react";
import type { TaskRow } from "../../../../src/dashboard/contract.ts";
import { usePlace } from "../../place/place.tsx";
import type { ChosenFilter } from "../../place/task-filter.ts";
import { rangeOf, type TimeChoice } from "../../place/time-choice.ts";
import { useNow } from "../../server/instruments.tsx";
import { useSession } from "../../server/press.tsx";
import { countOf } from "../../text/number.ts";
import { clockText, fullMomentText } from "../../text/moment.ts";

/** A move of the slider is taken once it rests so long, ms. */
const resting = 200;
/** Closer to its ends is the end, of the whole. */
const snug = 0.005;
/** Moves by key from end to end. */
const steps = 200;

export const newestRows = { order: undefined, start: undefined, row: undefined };
export const oldestRows = { order: "oldest", start: undefined, row: undefined };

const look = "rounded px-1 whitespace-nowrap hover:text-ink hover:underline max-sm:py-2";

export function TableFoot({
  chosen,
  time,
  first,
  total,
}: {
  readonly chosen: ChosenFilter;
  readonly time: TimeChoice;
  /** The first row that is seen. */
  readonly first: TaskRow | undefined;
  readonly total: number | undefined;
}) {
  const { change } = usePlace();
  const now = useNow();
  const since = useSession()?.history.since;
  const [wanted, setWanted] = useState<number>();
  const whole = time.kind === "live" || time.kind === "moment";
  const range = rangeOf(time, now);
  const [min, max] = [Math.floor(whole ? (since ?? range.from) : range.from), Math.floor(range.until)];
  const width = Math.max(1, max - min);
  const here = Math.min(max, Math.max(min, wanted ?? first?.since ?? max));
  useEffect(() => {
    if (wanted === undefined) return undefined;
    const timer = setTimeout(() => {
      setWanted(undefined);
      if (wanted >= max - width * snug) change(newestRows);
      else if (wanted <= min + width * snug) change(oldestRows);
      else change({ start: String(wanted), row: undefined }, { replace: chosen.start !== undefined });
    }, resting);
    return () => clearTimeout(timer);
    // Its ends move with the time, which is no reason to wait on.
  }, [wanted]);
  return (
    <div
      role="group"
      aria-label="Place in the table"
      className="flex items-center gap-x-3 border-t px-3 py-0.5 text-small text-dim sm:px-4"
    >
      <span className="whitespace-nowrap max-sm:hidden">{total === undefined ? "" : countOf(total, "task")}</span>
      <button type="button" title="End" className={look} onClick={() => change(oldestRows)}>
        Oldest
      </button>
      <input
        type="range"
        aria-label="Moment of the first row"
        aria-valuetext={fullMomentText(here)}
        title={fullMomentText(here)}
        min={min}
        max={max}
        step={Math.max(1, Math.round(width / steps))}
        value={here}
        className="min-w-16 flex-1 accent-accent"
        onChange={({ target }) => setWanted(Number(target.value))}
      />
      <button type="button" title="Home" className={look} onClick={() => change(newestRows)}>
        Newest
      </button>
      <time className="w-36 text-right whitespace-nowrap max-sm:w-auto">{clockText(here, now)}</time>
    </div>
  );
}
