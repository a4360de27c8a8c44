/** Celeriac while a monitor listens to everything its worker tells: what events cost, beside the same without them. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { extname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { system as plain } from "./celeriac.ts";
import type { System } from "./system.ts";

const program = join(import.meta.dirname, `event-listener${extname(import.meta.filename)}`);

export const system: System = {
  openProducer: (options) => plain.openProducer(options),
  async openWorker(options, done) {
    // Memory is reached from its own process alone.
    if (options.address.startsWith("memory:")) throw new Error("a monitor of its own process measures nothing");
    const listener: ChildProcess = fork(program, [JSON.stringify(options)], {
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    await once(listener, "message");
    // A monitor runs on another machine; here it takes what the measured ones leave.
    setPriority(listener.pid ?? 0, constants.priority.PRIORITY_LOW);
    let settled = 0;
    const worker = await plain.openWorker(options, () => {
      settled++;
      done();
    });
    return {
      async close() {
        await worker.close();
        await sleep(500); // it is some lists behind
        const told = once(listener, "message") as Promise<[{ readonly heard: number; readonly cpu: number }]>;
        listener.send("how many?");
        const [{ heard, cpu }] = await told;
        await once(listener, "exit");
        const per10k = ((cpu * 10_000) / settled).toFixed(0);
        process.stderr.write(
          `  ${String(heard)} of ${String(settled)} ends were heard, for ${per10k} ms/10k of the monitor's CPU\n`,
        );
        if (heard < settled / 2) throw new Error("the monitor heard too little: nothing was measured");
      },
    };
  },
};
