/** The exact message, as it lies with the broker. */

import { useQuery } from "@tanstack/react-query";
import { Empty, Facts, Skeleton, Trouble } from "../../part/bits.tsx";
import { Code } from "../../part/code.tsx";
import { Refusal } from "../../server/ask.ts";
import { useQuestions } from "../../server/instruments.tsx";

export function MessageView({ id, queue }: { readonly id: string; readonly queue: string | undefined }) {
  const { data, error } = useQuery(useQuestions().message(id, queue));
  if (error instanceof Refusal && error.status === 404)
    return (
      <Empty title="Its message is gone">
        A message stays with the broker until its task has ended; after that only dead letters keep it.
      </Empty>
    );
  if (error !== null) return <Trouble error={error} />;
  if (data === undefined) return <Skeleton rows={3} />;
  return (
    <div className="flex flex-col gap-3">
      <Facts
        rows={[
          ["lies", `${data.where === "dead" ? "among the dead letters" : data.where}, queue ${data.queue}`],
          ["encoding", data.encoding],
        ]}
      />
      {data.body === undefined ? null : (
        <div>
          <h3 className="text-dim">Body, decoded</h3>
          <Code text={JSON.stringify(data.body, undefined, 2)} label="Body" />
        </div>
      )}
      <div>
        <h3 className="text-dim">Headers</h3>
        <Code text={JSON.stringify(data.headers, undefined, 2)} label="Headers" />
      </div>
      <div>
        <h3 className="text-dim">Properties</h3>
        <Code text={JSON.stringify(data.properties, undefined, 2)} label="Properties" />
      </div>
      <details>
        <summary className="w-max rounded px-1 text-dim hover:text-ink">As it came</summary>
        <Code text={data.text} label="Envelope" />
      </details>
    </div>
  );
}
