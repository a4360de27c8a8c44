/** `celeriac beat`: sends what is scheduled until it is told to stop. */

import { Command } from "commander";
import type { BeatFlags } from "../beat-process.ts";
import { addJson, addSchedules, addTarget, listenAddress } from "../option.ts";

export function beatCommand(finish: (code: number) => void): Command {
  const command = new Command("beat")
    .description("send what is scheduled; any number may run, one of them sends; SIGTERM or SIGINT stops")
    .option("--ttl <time>", "a leader out of the database's reach for longer is replaced (default: 15s)")
    .option("--health <address>", "answer probes there, /healthz and /readyz: 8081, or 0.0.0.0:8081", listenAddress)
    .option("-n, --name <name>", "name of this scheduler in logs (default: beat@ and the host)");
  return addJson(addSchedules(addTarget(command))).action(async (flags: BeatFlags) => {
    const { runBeat } = await import("../beat-process.ts");
    finish(await runBeat(flags));
  });
}
