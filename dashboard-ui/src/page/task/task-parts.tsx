/** Parts that the panel and the page of a task share. */

import type { TaskDetail, TaskRow } from "../../../../src/dashboard/contract.ts";
import { Age, At, Lasting } from "../../part/age.tsx";
import { Bar, Facts, IdText } from "../../part/bits.tsx";
import { Code } from "../../part/code.tsx";
import { StateMark } from "../../part/state-mark.tsx";
import { Go } from "../../place/place.tsx";
import { inlineArgs, prettyLiteral } from "../../text/literal.ts";
import { countText } from "../../text/number.ts";

export function ProgressLine({ row }: { readonly row: TaskRow }) {
  const { progress } = row;
  if (progress === undefined) return null;
  const { done, total, note } = progress;
  const words = `${countText(done)}${total === undefined ? "" : ` of ${countText(total)}`}${note === undefined ? "" : ` · ${note}`}`;
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      {total === undefined || total === 0 ? null : (
        <span className="min-w-40 flex-1 basis-60">
          <Bar share={done / total} label={`Progress: ${words}`} />
        </span>
      )}
      <span className="min-w-0 break-words">{words}</span>
    </div>
  );
}

export function TaskFacts({ detail }: { readonly detail: TaskDetail }) {
  const { row, parent, root, group, eta, expires } = detail;
  const link = (id: string) => (
    <Go to={`/tasks/${encodeURIComponent(id)}`} className="font-mono text-small break-all underline">
      {id}
    </Go>
  );
  return (
    <Facts
      rows={[
        [
          "state",
          <span key="state">
            <StateMark state={row.state} />{" "}
            <span className="text-dim">
              <Age at={row.since} />
            </span>
          </span>,
        ],
        ["id", <IdText key="id" id={row.id} whole />],
        row.queue === undefined
          ? undefined
          : [
              "queue",
              <Go key="queue" to="/queues" with={{ row: row.queue }} className="underline">
                {row.queue}
              </Go>,
            ],
        row.worker === undefined
          ? undefined
          : [
              "worker",
              <Go key="worker" to="/workers" with={{ row: row.worker }} className="underline">
                {row.worker}
              </Go>,
            ],
        ["first seen", <At key="seen" at={row.seen} />],
        eta === undefined ? undefined : ["not before", <At key="eta" at={eta} />],
        expires === undefined ? undefined : ["expires", <At key="expires" at={expires} />],
        row.waited === undefined ? undefined : ["waited", <Lasting key="waited" ms={row.waited} />],
        row.ran === undefined && row.state !== "running"
          ? undefined
          : [
              "ran",
              row.state === "running" ? <Lasting key="ran" from={row.since} /> : <Lasting key="ran" ms={row.ran} />,
            ],
        row.attempts === 0 ? undefined : ["attempts", countText(row.attempts)],
        parent === undefined ? undefined : ["sent by", link(parent)],
        root === undefined || root === row.id
          ? undefined
          : [
              "workflow",
              <Go
                key="root"
                to={`/workflows/${encodeURIComponent(root)}`}
                className="font-mono text-small break-all underline"
              >
                {root}
              </Go>,
            ],
        group === undefined
          ? undefined
          : [
              "group",
              <span key="group" className="font-mono text-small break-all">
                {group}
              </span>,
            ],
      ]}
    />
  );
}

export function InputView({ detail }: { readonly detail: TaskDetail }) {
  const { args, kwargs } = detail;
  if (args === undefined && kwargs === undefined) return <p className="text-dim">Nobody told its arguments.</p>;
  if (isNothing(args) && isNothing(kwargs)) return <p className="text-dim">It was sent without any.</p>;
  return (
    <div className="flex flex-col gap-3">
      {args === undefined || isNothing(args) ? null : (
        <div>
          <h3 className="text-dim">Positional arguments</h3>
          <Code text={prettyLiteral(args)} label="Positional arguments" />
        </div>
      )}
      {kwargs === undefined || isNothing(kwargs) ? null : (
        <div>
          <h3 className="text-dim">Named arguments</h3>
          <Code text={prettyLiteral(kwargs)} label="Named arguments" />
        </div>
      )}
    </div>
  );
}

function isNothing(text: string | undefined): boolean {
  return text === undefined || inlineArgs(text, undefined) === "";
}
