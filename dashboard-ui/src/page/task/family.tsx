/** Who sent a task, and what it sent. */

import type { TaskDetail } from "../../../../src/dashboard/contract.ts";
import { Age } from "../../part/age.tsx";
import { Empty } from "../../part/bits.tsx";
import { StateMark } from "../../part/state-mark.tsx";
import { Go } from "../../place/place.tsx";
import { shortId, shortTask } from "../../text/id.ts";
import { countText } from "../../text/number.ts";

export function Family({ detail }: { readonly detail: TaskDetail }) {
  const { children, childCount, parent, root } = detail;
  if (childCount === 0 && parent === undefined && root === undefined)
    return (
      <Empty title="It stands alone" code="await resize.delay(image); // inside a task: a child of it">
        A task that another sent, or that belongs to a chain, group or chord, shows its relatives here.
      </Empty>
    );
  return (
    <div className="flex flex-col gap-1">
      {parent === undefined ? null : (
        <p>
          <span className="text-dim">sent by </span>
          <Go to={`/tasks/${encodeURIComponent(parent)}`} className="font-mono text-small underline">
            {parent}
          </Go>
        </p>
      )}
      {childCount === 0 ? null : (
        <p className="text-dim">{`${countText(childCount)} sent by it${childCount > children.length ? `, ${countText(children.length)} shown` : ""}`}</p>
      )}
      <ul>
        {children.map((row) => (
          <li key={row.id} className="flex min-w-0 items-baseline gap-3 border-b py-1 last:border-b-0">
            <span className="w-24 shrink-0">
              <StateMark state={row.state} />
            </span>
            <Go to={`/tasks/${encodeURIComponent(row.id)}`} className="min-w-0 flex-1 truncate hover:underline">
              {row.task === undefined ? shortId(row.id) : shortTask(row.task)}
            </Go>
            <span className="shrink-0 text-small text-dim">
              <Age at={row.since} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
