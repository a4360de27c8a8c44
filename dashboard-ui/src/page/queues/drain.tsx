/** When a queue will be empty at the rates of the last minutes. */

import type { QueueRow } from "../../../../src/dashboard/contract.ts";
import { Nothing } from "../../part/age.tsx";
import { durationText } from "../../text/duration.ts";

export function Drain({ row: { drain, ready } }: { readonly row: QueueRow }) {
  if (ready === 0) return <span className="text-dim">empty</span>;
  if (drain === undefined) return <Nothing />;
  return drain === null ? <span className="text-failed">never at this rate</span> : <>{durationText(drain)}</>;
}
