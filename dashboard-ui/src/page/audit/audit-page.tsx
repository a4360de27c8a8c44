/** What was done here, and by whom. */

import { useInfiniteQuery } from "@tanstack/react-query";
import type { AuditRow } from "../../../../src/dashboard/contract.ts";
import { At } from "../../part/age.tsx";
import { Answer, Empty, Section } from "../../part/bits.tsx";
import { More } from "../../part/more.tsx";
import { useQuestions } from "../../server/instruments.tsx";
import { countText } from "../../text/number.ts";

export default function AuditPage() {
  const query = useInfiniteQuery(useQuestions().audit());
  return (
    <div className="quiet-scroll h-full overflow-y-auto p-3 sm:p-4">
      <h1 className="sr-only">Audit</h1>
      <Section title="What was done here">
        <Answer query={query}>
          {({ pages }) => {
            const items = pages.flatMap((page) => page.items);
            if (items.length === 0)
              return (
                <Empty title="Nothing yet">Every action that somebody presses, or is refused, is noted here.</Empty>
              );
            return (
              <>
                <ul>
                  {items.map((row) => (
                    <Line key={row.id} row={row} />
                  ))}
                </ul>
                <More pages={query} />
              </>
            );
          }}
        </Answer>
      </Section>
    </div>
  );
}

function Line({ row }: { readonly row: AuditRow }) {
  const { at, user, address, do: kind, request, done, failed, refused } = row;
  const { do: _kind, ...rest } = request;
  return (
    <li className="flex flex-wrap items-baseline gap-x-4 border-b py-1 last:border-b-0">
      <At at={at} />
      <span className="w-36 truncate" title={address}>
        {user}
      </span>
      <span className="font-semibold">{kind}</span>
      <span className="text-dim">
        {countText(done)} done{failed > 0 ? `, ${countText(failed)} not` : ""}
      </span>
      {refused === undefined ? null : <span className="text-failed">refused: {refused}</span>}
      <span className="min-w-0 flex-1 basis-60 truncate font-mono text-small text-dim" title={JSON.stringify(rest)}>
        {JSON.stringify(rest)}
      </span>
    </li>
  );
}
