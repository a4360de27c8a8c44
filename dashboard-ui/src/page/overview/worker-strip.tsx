/** Workers as small tiles: how full, how large. */

import type { WorkerTile } from "../../../../src/dashboard/contract.ts";
import { Bar } from "../../part/bits.tsx";
import { Go } from "../../place/place.tsx";
import { sizeText } from "../../text/number.ts";

export function WorkerStrip({ workers }: { readonly workers: readonly WorkerTile[] }) {
  const sorted = workers.toSorted((a, b) => Number(b.online) - Number(a.online));
  if (sorted.length === 0)
    return (
      <p className="text-dim">
        No worker was heard of. Start one:{" "}
        <code className="rounded bg-sunken px-1 font-mono text-small">celeriac worker -A ./app.ts</code>
      </p>
    );
  return (
    <ul className="grid grid-cols-[repeat(auto-fill,minmax(9.5rem,1fr))] gap-2">
      {sorted.slice(0, 60).map(({ name, online, active, slots, rss }) => (
        <li key={name} className="min-w-0">
          <Go
            to="/workers"
            with={{ row: name }}
            title={name}
            className={`flex flex-col gap-1 rounded border bg-surface px-2 py-1.5 hover:bg-sunken ${online ? "" : "border-dashed"}`}
          >
            <span className="truncate">{name}</span>
            {online ? (
              <Bar
                share={slots === undefined || slots === 0 ? 0 : active / slots}
                label={`${name}: ${String(active)} of ${String(slots ?? 0)} slots busy`}
              />
            ) : (
              <span className="h-1.5" />
            )}
            <span className="flex justify-between text-small text-dim">
              <span>
                {online ? `${String(active)}${slots === undefined ? " active" : ` / ${String(slots)}`}` : "✕ offline"}
              </span>
              <span>{rss === undefined ? "" : sizeText(rss)}</span>
            </span>
          </Go>
        </li>
      ))}
    </ul>
  );
}
