/** A scheduler as a process: prints what happens, and stops at the first SIGTERM or SIGINT; who asks again does not want to wait. */

import { constants } from "node:os";
import { coreOf } from "../app/app.ts";
import type { BeatOptions } from "../app/beat.ts";
import type { Duration } from "../task/duration.ts";
import { exitCode } from "./failure.ts";
import { Health, type ListenAddress } from "./health.ts";
import { given } from "./option.ts";
import { type Target, targetApp } from "./target.ts";

export interface BeatFlags extends Target {
  readonly ttl?: string;
  readonly name?: string;
  readonly json?: boolean;
  readonly health?: ListenAddress;
}

const signals = ["SIGTERM", "SIGINT"] as const;

export async function runBeat({ ttl, name, json, health: probed, ...target }: BeatFlags): Promise<number> {
  const asked = Promise.withResolvers<"stop">();
  let stopping = false;
  const onSignal = (signal: (typeof signals)[number]): void => {
    if (stopping) process.exit(128 + constants.signals[signal]);
    stopping = true;
    asked.resolve("stop");
  };
  for (const signal of signals) process.on(signal, onSignal);
  const { app } = await targetApp(target);
  try {
    await using health = await Health.listen(probed);
    const options: BeatOptions = given({ ttl: ttl as Duration | undefined, name });
    const starting = app.beat({ ...options, log: json === true ? "json" : (coreOf(app).config.log ?? "text") });
    // A signal while it starts (a database that does not answer) must not wait for the start.
    const beat = await Promise.race([starting, asked.promise]);
    if (beat === "stop") starting.then((late) => late.stop()).catch(() => {});
    else {
      if (health !== undefined) health.state = "ready";
      await Promise.race([beat.closed, asked.promise]);
      if (health !== undefined) health.state = "stopping";
      await beat.stop();
    }
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    await app.close();
  }
  return exitCode.done;
}
