/** Ages that tick by the server's clock, and moments, with the whole truth on hover. */

import { createContext, type ReactNode, useContext } from "react";
import { ageText, durationText } from "../text/duration.ts";
import { clockText, fullMomentText } from "../text/moment.ts";
import { useNow } from "../server/instruments.tsx";
import { usePlace } from "../place/place.tsx";
import { momentOf } from "../place/time-choice.ts";

const Moment = createContext<number | undefined>(undefined);

/** Reads the chosen moment once for all ages below: a table has hundreds of them. */
export function MomentProvider({ children }: { readonly children: ReactNode }) {
  const { time } = usePlace();
  return <Moment value={momentOf(time)}>{children}</Moment>;
}

/** The moment that the page is about: ticking, or the one that was chosen. */
export function useShownNow(): number {
  const now = useNow();
  return useContext(Moment) ?? now;
}

/** "3 min 20 s ago". */
export function Age({ at, ago = true }: { readonly at: number; readonly ago?: boolean }) {
  const now = useShownNow();
  const text = at > now + 1_000 ? `in ${ageText(at - now)}` : `${ageText(now - at)}${ago ? " ago" : ""}`;
  return (
    <time dateTime={isoOf(at)} title={fullMomentText(at)} className="whitespace-nowrap">
      {text}
    </time>
  );
}

/** "14:03:07". */
export function At({ at }: { readonly at: number }) {
  const now = useShownNow();
  return (
    <time dateTime={isoOf(at)} title={fullMomentText(at)} className="whitespace-nowrap">
      {clockText(at, now)}
    </time>
  );
}

/** A duration; while `from` is given it grows. */
export function Lasting({ ms, from }: { readonly ms?: number | undefined; readonly from?: number | undefined }) {
  const now = useShownNow();
  if (from !== undefined) return <span className="whitespace-nowrap">{ageText(now - from)}</span>;
  return ms === undefined ? <Nothing /> : <span className="whitespace-nowrap">{durationText(ms)}</span>;
}

export function Nothing() {
  return (
    <span className="text-dim" aria-label="nothing">
      –
    </span>
  );
}

function isoOf(at: number): string {
  return Number.isFinite(at) && Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : "";
}
