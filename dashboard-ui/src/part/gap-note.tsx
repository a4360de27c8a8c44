/** Says where figures are too low, because nobody listened or events were lost. */

import type { Gap } from "../../../src/dashboard/contract.ts";
import { durationText } from "../text/duration.ts";
import { clockText } from "../text/moment.ts";
import { useNow } from "../server/instruments.tsx";

const whys: Readonly<Record<Gap["why"], string>> = {
  closed: "nobody listened",
  full: "the history could not keep up",
  lost: "events were lost",
};

export function GapNote({ gaps }: { readonly gaps: readonly Gap[] }) {
  const now = useNow();
  const last = gaps.at(-1);
  if (last === undefined) return null;
  const more = gaps.length > 1 ? `, and ${String(gaps.length - 1)} more` : "";
  return (
    <p className="rounded bg-strip px-3 py-1 text-small text-on-strip">
      {`Figures are too low where ${whys[last.why]}: ${clockText(last.from, now)} for ${durationText(last.until - last.from)}${more}.`}
    </p>
  );
}
