/**
 * One call that no task makes, as most calls of a web API are: it goes with no lists and one promise. With those of a batch of one it took 6.6 KB
 * and a fifth more CPU.
 */

import { type Duration, durationMs } from "../task/duration.ts";
import { runningTask } from "../task/running.ts";
import { type AsyncResult, StoredResult } from "./async-result.ts";
import type { AppConfig } from "./config.ts";
import { type Draft, outgoingOf, type SendRequest } from "./draft.ts";
import type { ResultReader } from "./result-reader.ts";
import { sentOf } from "./sent.ts";
import type { Wiring } from "./wiring.ts";

/** Whether `sendAlone` can send it: no task makes it, nobody traces it or gives it up before its time, and it stands for no key. */
export function goesAlone({ options, claim }: SendRequest, { telemetry }: Pick<AppConfig, "telemetry">): boolean {
  return claim === undefined && options.signal === undefined && telemetry === undefined && runningTask() === undefined;
}

/** Throws and rejects as `AppCore.send` does. */
export function sendAlone(
  draft: Draft,
  deadline: Duration | undefined,
  { sender, sending, config }: Wiring,
  reader: ResultReader,
): Promise<AsyncResult<unknown>> {
  const outgoing = outgoingOf(draft, sending);
  const timeout = deadline === undefined ? config.publishTimeout : durationMs(deadline, "timeout");
  return new Promise((resolve, reject) => {
    sender.submitOne(
      outgoing,
      timeout,
      (published) => {
        if (published?.kind === "accepted") return resolve(new StoredResult(draft.id, reader));
        try {
          for (const { id, kind } of sentOf([draft], published === undefined ? [] : [published], config))
            resolve(new StoredResult(id, reader, kind));
        } catch (error) {
          reject(error as Error);
        }
      },
      reject,
    );
  });
}
