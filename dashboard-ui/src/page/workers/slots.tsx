/** A pool as its slots: small squares in a list, or, in full, each with its task and age. */

import type { WorkerChild, WorkerRow } from "../../../../src/dashboard/contract.ts";
import { Lasting } from "../../part/age.tsx";
import { Go } from "../../place/place.tsx";
import { durationText } from "../../text/duration.ts";
import { shortTask } from "../../text/id.ts";
import { countText, sizeText } from "../../text/number.ts";

const mostDots = 64;

export function SlotDots({ active, slots }: { readonly active: number; readonly slots: number | undefined }) {
  if (slots === undefined) return null;
  const words = `${countText(active)} of ${countText(slots)} slots busy`;
  return (
    <span role="img" aria-label={words} title={words} className="flex flex-wrap gap-1">
      {Array.from({ length: Math.min(slots, mostDots) }, (_, index) => (
        <span
          key={index}
          className={`size-3 rounded-xs border ${index < active ? "border-running bg-running" : "border-line-strong"}`}
        />
      ))}
      {slots > mostDots ? <span className="text-small text-dim">+{countText(slots - mostDots)}</span> : null}
    </span>
  );
}

/** One box for each child, with its slots; where the worker tells nothing of children, the slots alone. */
export function Pool({ row, childs }: { readonly row: WorkerRow; readonly childs: readonly WorkerChild[] }) {
  if (childs.length === 0)
    return row.online ? <SlotDots active={row.active} slots={row.slots} /> : <p className="text-dim">It is gone.</p>;
  return (
    <ul className="flex flex-col gap-1.5">
      {childs.map(({ pid, slots, done, rss, lag }) => (
        <li key={pid} className="rounded border px-2 py-1">
          <span className="flex flex-wrap gap-x-4 text-small text-dim">
            <span>pid {pid}</span>
            {done === 0 ? null : <span>{countText(done)} done</span>}
            {rss === undefined ? null : <span>{sizeText(rss)}</span>}
            {lag === undefined ? null : (
              <span className={lag > 100 ? "text-failed" : ""}>loop {durationText(lag)}</span>
            )}
          </span>
          <ul>
            {slots.length === 0 ? (
              <li className="flex items-center gap-2 text-dim">
                <span className="size-3 shrink-0 rounded-xs border border-line-strong" aria-hidden="true" />
                free
              </li>
            ) : null}
            {slots.map(({ id, task, since, hidden }, index) => (
              <li key={id ?? index} className="flex min-w-0 items-center gap-2">
                <span
                  className={`size-3 shrink-0 rounded-xs border ${id === undefined && hidden !== true ? "border-line-strong" : "border-running bg-running"}`}
                  aria-hidden="true"
                />
                {id === undefined ? (
                  <span className="text-dim">{hidden === true ? "a task of another queue" : "free"}</span>
                ) : (
                  <Go
                    to={`/tasks/${encodeURIComponent(id)}`}
                    className="min-w-0 flex-1 truncate hover:underline"
                    title={`${task ?? ""}\n${id}`}
                  >
                    {shortTask(task ?? id)}
                  </Go>
                )}
                {since === undefined ? null : (
                  <span className="ml-auto shrink-0 text-small text-dim">
                    <Lasting from={since} />
                  </span>
                )}
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}
