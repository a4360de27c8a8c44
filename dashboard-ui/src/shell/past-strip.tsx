/** The coloured strip: what is shown is not live. For a moment it holds the slider over all that is kept. */

import { useEffect, useState } from "react";
import { Button } from "../part/button.tsx";
import { usePlace } from "../place/place.tsx";
import { spans, type TimeChoice } from "../place/time-choice.ts";
import { useNow } from "../server/instruments.tsx";
import { useSession } from "../server/press.tsx";
import { ageText } from "../text/duration.ts";
import { clockText, fullMomentText } from "../text/moment.ts";

/** A move of the slider is taken once it rests so long, ms. */
const resting = 200;

export function PastStrip() {
  const { time, setTime } = usePlace();
  const now = useNow();
  if (time.kind === "live") return null;
  const past = time.kind !== "last";
  return (
    <div
      role="region"
      aria-label="Not live"
      className={`flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-1 ${past ? "bg-strip text-on-strip" : "bg-accent-soft text-ink"}`}
    >
      <span>{wordsOf(time, now)}</span>
      {time.kind === "moment" ? <MomentSlider at={time.at} now={now} /> : null}
      <Button className="ml-auto" onClick={() => setTime({ kind: "live" })}>
        Back to live
      </Button>
    </div>
  );
}

function wordsOf(time: TimeChoice, now: number): string {
  switch (time.kind) {
    case "live":
      return "";
    case "last":
      return `Showing ${spans[time.span].words}`;
    case "moment":
      return `As it was at ${clockText(time.at, now)}, ${ageText(now - time.at)} ago`;
    case "between":
      return `From ${clockText(time.from, now)} until ${clockText(time.until, now)}`;
  }
}

function MomentSlider({ at, now }: { readonly at: number; readonly now: number }) {
  const { setTime } = usePlace();
  const session = useSession();
  const [shown, setShown] = useState(at);
  const since = session?.history.since ?? now - 3_600_000;
  useEffect(() => setShown(at), [at]);
  useEffect(() => {
    if (shown === at) return;
    const timer = setTimeout(() => setTime({ kind: "moment", at: shown }), resting);
    return () => clearTimeout(timer);
  }, [shown, at, setTime]);
  const steps = [-60_000, -10_000, 10_000, 60_000];
  return (
    <>
      <span className="flex min-w-0 flex-1 basis-64 items-center gap-2">
        <span className="text-small whitespace-nowrap">{clockText(since, now)}</span>
        <input
          id="moment-slider"
          type="range"
          aria-label="Moment"
          aria-valuetext={fullMomentText(shown)}
          title={fullMomentText(shown)}
          min={Math.floor(since)}
          max={Math.floor(now)}
          step={1_000}
          value={Math.min(now, Math.max(since, shown))}
          className="min-w-32 flex-1 accent-on-strip"
          onChange={({ target }) => setShown(Number(target.value))}
        />
        <span className="text-small whitespace-nowrap">now</span>
      </span>
      {/* Together, and narrow enough for a line of a phone with the way back. */}
      <span className="-mx-1.5 flex">
        {steps.map((step) => (
          <button
            key={step}
            type="button"
            className="rounded px-1.5 whitespace-nowrap hover:underline max-sm:h-9"
            onClick={() => setTime({ kind: "moment", at: Math.min(now, shown + step) })}
          >
            {`${step < 0 ? "\u2212" : "+"}${ageText(Math.abs(step))}`}
          </button>
        ))}
      </span>
    </>
  );
}
