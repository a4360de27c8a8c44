/** One dead letter with its context: every attempt with its exit and its last words. */

import type { DeadLetterRow } from "../../../../src/dashboard/contract.ts";
import { At } from "../../part/age.tsx";
import { Facts, IdText, Section } from "../../part/bits.tsx";
import { Button, ConfirmButton } from "../../part/button.tsx";
import { Code } from "../../part/code.tsx";
import { Panel } from "../../part/panel.tsx";
import { Go } from "../../place/place.tsx";
import { useMay, usePress } from "../../server/press.tsx";
import { durationText } from "../../text/duration.ts";
import { prettyLiteral } from "../../text/literal.ts";

export function DeadPanel({ row, onClose }: { readonly row: DeadLetterRow; readonly onClose: () => void }) {
  const may = useMay();
  const { press, busy } = usePress();
  const { key, id, task, queue, reason, detail, at, args, attempts } = row;
  const letters = { keys: [key] };
  return (
    <Panel title={task ?? "Not readable"} onClose={onClose}>
      <div role="group" aria-label="Actions" className="flex flex-wrap items-center gap-2">
        {may("dead.redrive") ? (
          <Button tone="main" disabled={busy} onClick={() => press({ do: "dead.redrive", letters }, onClose)}>
            Redrive
          </Button>
        ) : null}
        {may("dead.drop") ? (
          <ConfirmButton
            label="Drop"
            question="Drop it for good?"
            disabled={busy}
            onConfirm={() => press({ do: "dead.drop", letters }, onClose)}
          />
        ) : null}
        {id === undefined ? null : (
          <Go to={`/tasks/${encodeURIComponent(id)}`} className="underline">
            Its task
          </Go>
        )}
      </div>
      <Facts
        rows={[
          [
            "reason",
            <span key="reason" className="text-dead">
              ◆ {reason}
            </span>,
          ],
          ["buried", <At key="at" at={at} />],
          ["queue", queue],
          id === undefined ? undefined : ["id", <IdText key="id" id={id} whole />],
        ]}
      />
      {detail === "" ? null : <Code text={detail} label="Detail" />}
      {args === undefined ? null : (
        <Section title="Input">
          <Code text={prettyLiteral(args)} label="Input" />
        </Section>
      )}
      {attempts.length === 0 ? null : (
        <Section title="Attempts">
          <ol className="flex flex-col gap-3">
            {attempts.map(({ attempt, worker, pid, started, ended, exit, error, stderr }, index) => (
              // A start that ended with its process counts as none, so two may be of one number.
              <li key={index} className="flex flex-col gap-1 border-l-2 border-dead pl-3">
                <p className="flex flex-wrap gap-x-3">
                  <span className="font-semibold">attempt {attempt}</span>
                  <span className="text-dim break-all">{worker}</span>
                  {pid === undefined ? null : <span className="text-dim">pid {pid}</span>}
                  <At at={started} />
                  {ended === undefined ? null : <span className="text-dim">ran {durationText(ended - started)}</span>}
                  {exit === undefined ? null : <span className="text-failed">exit {exit}</span>}
                </p>
                {error === undefined ? null : <p className="break-words text-failed">{error}</p>}
                {stderr === undefined ? null : <Code text={stderr} label={`stderr of attempt ${String(attempt)}`} />}
              </li>
            ))}
          </ol>
        </Section>
      )}
    </Panel>
  );
}
