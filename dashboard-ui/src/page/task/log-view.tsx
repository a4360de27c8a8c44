/** What a task logged. */

import { useQuery } from "@tanstack/react-query";
import type { LogLine } from "../../../../src/dashboard/contract.ts";
import { At } from "../../part/age.tsx";
import { Answer, Empty } from "../../part/bits.tsx";
import { Linked } from "../../part/code.tsx";
import { useQuestions } from "../../server/instruments.tsx";

const inks: Readonly<Record<LogLine["level"], string>> = {
  trace: "text-dim",
  debug: "text-dim",
  info: "",
  warn: "text-retrying",
  error: "text-failed",
  fatal: "text-dead",
};

export function LogView({ id, at }: { readonly id: string; readonly at: number | undefined }) {
  const query = useQuery(useQuestions().log(id, at));
  return (
    <Answer query={query}>
      {({ items, next, dropped }) =>
        items.length === 0 ? (
          <Empty title="It logged nothing" code={'ctx.log.info("resized", { width });'}>
            Lines that a task writes with its context stand here:
          </Empty>
        ) : (
          <div>
            {next === undefined ? null : <p className="text-small text-dim">Older lines are not shown.</p>}
            {dropped === 0 ? null : (
              <p className="text-small text-dim">{`${String(dropped)} lines were told of and are not kept.`}</p>
            )}
            <ol
              className="quiet-scroll max-h-[32rem] overflow-auto rounded bg-sunken px-3 py-2 font-mono text-small"
              tabIndex={0}
              aria-label="Log"
            >
              {items.map((line, index) => (
                <li key={index} className="flex gap-3">
                  <span className="shrink-0 text-dim">
                    <At at={line.at} />
                  </span>
                  <span className={`w-10 shrink-0 ${inks[line.level]}`}>{line.level}</span>
                  <span className="min-w-0 break-words whitespace-pre-wrap">
                    <Linked text={line.text} />
                    {line.fields === undefined ? null : (
                      <span className="text-dim"> {JSON.stringify(line.fields)}</span>
                    )}
                  </span>
                </li>
              ))}
            </ol>
          </div>
        )
      }
    </Answer>
  );
}
