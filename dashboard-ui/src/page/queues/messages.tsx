/** The messages in a queue; looking at them changes nothing. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { MessagePage } from "../../../../src/dashboard/contract.ts";
import { Age } from "../../part/age.tsx";
import { Answer, Section } from "../../part/bits.tsx";
import { More } from "../../part/more.tsx";
import { Go } from "../../place/place.tsx";
import { useQuestions } from "../../server/instruments.tsx";
import { useSession } from "../../server/press.tsx";
import { shortTask } from "../../text/id.ts";
import { sizeText } from "../../text/number.ts";

const wheres: readonly { readonly where: MessagePage["where"]; readonly label: string }[] = [
  { where: "ready", label: "Waiting" },
  { where: "delayed", label: "Delayed" },
  { where: "leased", label: "In flight" },
];

export function Messages({ queue }: { readonly queue: string }) {
  const [where, setWhere] = useState<MessagePage["where"]>("ready");
  const kind = useSession()?.broker.kind;
  // The others do not know since when a message waits.
  const dated = kind === "sqlite" || kind === "memory";
  const query = useInfiniteQuery(useQuestions().messages(queue, where));
  return (
    <Section
      title="Messages"
      aside={
        <span role="group" aria-label="Which messages" className="flex gap-1">
          {wheres.map(({ where: value, label }) => (
            <button
              key={value}
              type="button"
              aria-pressed={value === where}
              className={`rounded px-1.5 py-0.5 ${value === where ? "bg-accent-soft font-semibold text-accent" : "hover:bg-sunken"}`}
              onClick={() => setWhere(value)}
            >
              {label}
            </button>
          ))}
        </span>
      }
    >
      <Answer query={query} rows={3}>
        {({ pages }) => {
          const rows = pages.flatMap(({ items }) => items);
          if (rows.length === 0) return <p className="text-dim">None.</p>;
          return (
            <>
              <ul>
                {rows.map(({ key, id, task, args, since, due, worker, size, priority }) => (
                  <li key={key} className="border-b py-1 last:border-b-0">
                    <span className="flex min-w-0 items-baseline gap-3">
                      {id === undefined ? (
                        <span className="min-w-0 flex-1 truncate text-dim">not readable</span>
                      ) : (
                        <Go
                          to={`/tasks/${encodeURIComponent(id)}`}
                          with={{ tab: "message" }}
                          className="min-w-0 flex-1 truncate hover:underline"
                          title={id}
                        >
                          {task === undefined ? id : shortTask(task)}
                        </Go>
                      )}
                      {priority === undefined || priority === 0 ? null : (
                        <span className="text-small text-dim">priority {priority}</span>
                      )}
                      <span className="text-small text-dim">{sizeText(size)}</span>
                      {due !== undefined || where !== "ready" || dated ? (
                        <span className="text-small text-dim">
                          <Age at={due ?? since} />
                        </span>
                      ) : null}
                    </span>
                    <span className="block truncate font-mono text-small text-dim">{worker ?? args ?? ""}</span>
                  </li>
                ))}
              </ul>
              <More pages={query} />
            </>
          );
        }}
      </Answer>
    </Section>
  );
}
