/** The end of a run that was revoked while it ran: REVOKED, whatever it came to; nothing is tried again, and no crash is counted. */

import type { ResultWrite } from "../port/result-store.ts";
import { stringifyJson } from "../wire/json.ts";
import { arrivalsOf, waitersOf } from "./arrival.ts";
import { type Ending, list, some } from "./ending.ts";
import { attemptRecord, type Execution, keepsResult } from "./execution.ts";
import type { SettlementContext } from "./failed-run.ts";
import { revokedError, revokedMeta } from "./result-write.ts";

const encoder = new TextEncoder();

export function terminated(context: SettlementContext, execution: Execution): Ending {
  const { delivery, headers, embed, claim } = execution;
  const write = (id: string): ResultWrite =>
    revokedMeta({ ...headers, id }, "terminated", claim.fence, context.now, context.resultTtl);
  const end = { state: "REVOKED", value: encoder.encode(stringifyJson(revokedError("terminated"))) } as const;
  return {
    settlement: {
      delivery,
      then: { kind: "ack" },
      ...some("result", keepsResult(execution) ? write(headers.id) : undefined),
      ...list("arrive", arrivalsOf(headers, embed, end)),
      record: attemptRecord(execution, context.worker, context.now, {
        exit: undefined,
        stderrTail: "",
        error: "terminated",
      }),
    },
    end: { kind: "revoked", why: "terminated" },
    also: waitersOf(embed).ids.map(write),
  };
}
