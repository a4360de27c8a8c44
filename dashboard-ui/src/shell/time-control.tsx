/** The one time control: Live, the last while, or a moment of the kept history. */

import { useEffect, useRef, useState } from "react";
import { useKeys } from "../place/keys.ts";
import { usePlace } from "../place/place.tsx";
import { useInstruments } from "../server/instruments.tsx";
import { useSession } from "../server/press.tsx";
import { type Span, spans } from "../place/time-choice.ts";

const chosenLook = "bg-accent text-on-accent";
const look = "text-dim hover:bg-sunken hover:text-ink";

export function TimeControl() {
  const { time, setTime, path } = usePlace();
  useKeys({ l: () => setTime({ kind: "live" }) });
  const button = (label: string, on: boolean, choose: () => void, name: string) => (
    <button
      key={label}
      type="button"
      aria-pressed={on}
      title={name}
      className={`h-7 px-2 whitespace-nowrap first:rounded-l last:rounded-r max-sm:h-9 ${on ? chosenLook : look}`}
      onClick={choose}
    >
      {label}
    </button>
  );
  // The past of these is not kept, so they are always as they are now.
  const fixed = path === "/schedules" || path === "/dead" || path === "/audit";
  return (
    <div
      role="group"
      aria-label="Time"
      className="flex divide-x divide-line overflow-hidden rounded border border-line-strong/60 bg-surface"
      title={fixed ? "This page shows what is there now, whatever the time." : undefined}
    >
      {button("Live", time.kind === "live", () => setTime({ kind: "live" }), "Live")}
      {(Object.keys(spans) as Span[]).map((span) =>
        button(
          spans[span].label,
          time.kind === "last" && time.span === span,
          () => setTime({ kind: "last", span }),
          spans[span].words,
        ),
      )}
      <MomentButton on={time.kind === "moment"} />
    </div>
  );
}

/** Where one begins to slide, ms before now. */
const behind = 60_000;

/** The slider itself is in the strip; this goes to a minute ago, from where one slides. */
function MomentButton({ on }: { readonly on: boolean }) {
  const { setTime } = usePlace();
  const { clock } = useInstruments();
  const since = useSession()?.history.since ?? 0;
  const [pending, setPending] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (on && pending) document.querySelector<HTMLInputElement>("#moment-slider")?.focus();
    setPending(false);
  }, [on, pending]);
  return (
    <button
      ref={button}
      type="button"
      aria-pressed={on}
      className={`h-7 px-2 whitespace-nowrap max-sm:h-9 ${on ? chosenLook : look}`}
      onClick={() => {
        setPending(true);
        setTime({ kind: "moment", at: Math.max(since, clock.now() - behind) });
      }}
    >
      Past
    </button>
  );
}
