/** Rows that came since the table was asked for. They are shown at once while nobody is in the middle of something, else counted. */

import { type InfiniteData, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import type { TaskPage, TaskRow } from "../../../../src/dashboard/contract.ts";
import { type ChosenFilter, fits } from "../../place/task-filter.ts";
import { follows, type TimeChoice } from "../../place/time-choice.ts";
import { useInstruments } from "../../server/instruments.tsx";

/** The table is asked for anew at most so often, ms. */
const pause = 1_500;

export function useNewer({
  chosen,
  time,
  rows,
  calm,
}: {
  readonly chosen: ChosenFilter;
  readonly time: TimeChoice;
  readonly rows: readonly TaskRow[];
  readonly calm: boolean;
}): { readonly count: number; readonly take: () => void } {
  const { listen, clock, questions } = useInstruments();
  const client = useQueryClient();
  const [count, setCount] = useState(0);
  const fresh = useRef(new Set<string>());
  const asked = useRef(0);
  const latest = useRef({ chosen, rows, calm });
  latest.current = { chosen, rows, calm };
  const key = JSON.stringify(questions.tasks(chosen, time).queryKey);

  const take = useCallback(() => {
    fresh.current.clear();
    setCount(0);
    const queryKey = JSON.parse(key) as readonly unknown[];
    // Of many pages only the first is asked for again.
    client.setQueryData<InfiniteData<TaskPage>>(queryKey, (old) =>
      old === undefined ? old : { pages: old.pages.slice(0, 1), pageParams: old.pageParams.slice(0, 1) },
    );
    void client.invalidateQueries({ queryKey });
  }, [client, key]);

  useEffect(() => {
    fresh.current.clear();
    setCount(0);
    if (!follows(time) || chosen.order === "oldest" || chosen.start !== undefined) return undefined;
    return listen((event) => {
      if (event.type !== "tasks") return;
      const { chosen, rows, calm } = latest.current;
      const known = new Set(rows.map(({ id }) => id));
      for (const row of event.rows) if (!known.has(row.id) && fits(row, chosen)) fresh.current.add(row.id);
      const found = fresh.current.size + event.more;
      if (found === 0) return;
      if (calm) return setCount(found);
      if (clock.now() - asked.current < pause) return;
      asked.current = clock.now();
      take();
    });
    // The key says all of the filter and the time.
  }, [listen, clock, key, take]);

  return { count, take };
}
