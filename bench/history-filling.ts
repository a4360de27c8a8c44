/** Sends the events of a made-up cluster to a process that listens and keeps them, as fast as that one can take them or at a pace. */

import { fork } from "node:child_process";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { coreOf, createApp } from "../src/app/app.ts";
import { type CeleryEvent, eventMessage } from "../src/wire/event.ts";
import type { FromKeeper, Keeper, ToKeeper } from "./history-keeper.ts";

/** Events on the way at most, a second of them; a cluster would not wait, and Redis would hang up on who reads too slowly. */
const mostUnderway = 20_000;
/** Of one message, as a busy worker batches. */
const batch = 100;

export interface Filled {
  /** Of the last event, unix ms. */
  readonly until: number;
  readonly seconds: number;
  readonly keeper: Keeper;
}

export async function fillHistory({
  url,
  path,
  stream,
  total,
  rate,
}: {
  readonly url: string;
  readonly path: string;
  readonly stream: Iterator<CeleryEvent>;
  /** Events that are taken of the stream. */
  readonly total: number;
  /** Events a second. */
  readonly rate: number;
}): Promise<Filled> {
  const child = fork(join(import.meta.dirname, "history-keeper.ts"));
  const app = createApp({ name: "bench", broker: url });
  let heard = 0;
  const told: { kept?: Keeper } = {};
  let listening = false;
  let failure: Error | undefined;
  let wake: () => void = () => {};
  child.on("message", (message: FromKeeper) => {
    if (message.kind === "heard") heard = message.events;
    else if (message.kind === "kept") told.kept = message.keeper;
    else listening = true;
    wake();
  });
  child.once("exit", (code, signal) => {
    failure = new Error(`the listening process ended with ${String(code ?? signal)}`);
    wake();
  });
  const until = async (is: () => boolean): Promise<void> => {
    while (!is()) {
      if (failure !== undefined) throw failure;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  };
  const ask = (message: ToKeeper): void => void child.send(message);
  try {
    const { bus } = await coreOf(app).connect();
    ask({ kind: "open", url, path });
    await until(() => listening);
    const started = performance.now();
    let sent = 0;
    let last = 0;
    const allowed = (): number => ((performance.now() - started) / 1000) * rate;
    while (sent < total) {
      const events: CeleryEvent[] = [];
      for (let index = 0; index < batch; index++) {
        const { value } = stream.next() as IteratorYieldResult<CeleryEvent>;
        events.push(value);
        last = Math.max(last, value.timestamp * 1000);
      }
      await bus.publish({ kind: "event", type: "task.multi" }, eventMessage(events));
      sent += batch;
      await until(() => sent - heard <= mostUnderway && sent <= allowed());
      if (sent % 500_000 < batch) process.stderr.write(`${String(sent)} of ${String(total)}\n`);
    }
    await until(() => heard >= sent);
    const seconds = (performance.now() - started) / 1000;
    ask({ kind: "end" });
    await until(() => told.kept !== undefined);
    if (told.kept === undefined) throw new Error("the listening process told nothing");
    return { until: Math.ceil(last), seconds, keeper: told.kept };
  } finally {
    await app.close();
    child.removeAllListeners("exit");
    child.kill("SIGKILL");
  }
}
