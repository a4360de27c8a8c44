/** Puts a scheduler together: tasks, database, entries of the code, loop; and takes it apart again. */

import { hostname } from "node:os";
import { type App, coreOf } from "../app/app.ts";
import type { BeatHandle, BeatOptions } from "../app/beat.ts";
import { ScheduleEvents } from "../app/schedule-events.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { durationMs } from "../task/duration.ts";
import { Beat } from "./beat.ts";
import { syncCode } from "./code-sync.ts";
import { beatPrinter } from "./beat-log.ts";
import { Leadership } from "./leadership.ts";
import { BeatReporter } from "./reporter.ts";
import { portsOf } from "./schedule-ports.ts";

const leastTtl = 300;

/**
 * Starts a scheduler for `app` and resolves when the entries of its code are stored. `lookEvery`: how often at most it looks for changed
 * entries, ms.
 *
 * Rejects with NOT_SUPPORTED where no database keeps schedules, SCHEDULE_TAKEN if a name is somebody else's, APP_LOAD_FAILED, and the
 * driver's own errors.
 */
export async function startScheduler(app: App, options: BeatOptions = {}, lookEvery?: number): Promise<BeatHandle> {
  const core = coreOf(app);
  const ttl = durationMs(options.ttl ?? "15s", "beat: ttl");
  if (ttl < leastTtl) {
    throw new CeleriacError(
      "CONFIG_INVALID",
      `beat: ttl is ${String(ttl)} ms; it must be at least ${String(leastTtl)}, for a third of it must be longer than a round trip to the database.`,
    );
  }
  const id = options.name ?? `beat@${hostname()}`;
  const report = new BeatReporter(core.clock, id);
  if (options.onEvent) report.all(options.onEvent);
  const log = options.log ?? core.config.log ?? "silent";
  if (log !== "silent") report.all(beatPrinter(log, id));
  await core.load();
  const backend = await core.connect();
  const { lease, store } = portsOf(core, backend);
  const events = new ScheduleEvents(core.config, backend, id);
  report.all((event) => events.tell(event));
  const changes = await syncCode(store, core.name, core.schedules.list(), core.clock.now());
  const holder = `${id}/${String(process.pid)}/${crypto.randomUUID().slice(0, 8)}`;
  const leadership = new Leadership({ lease, clock: core.clock, holder, ttl });
  const beat = new Beat({ core, backend, lease, store, leadership, report, lookEvery });
  const stopping = new AbortController();
  report.emit("beat:ready", { detail: { pid: process.pid, ttl, ...changes } });
  const run = async (): Promise<void> => {
    try {
      await beat.run(stopping.signal);
    } finally {
      report.emit("beat:stopped");
      await events.drain();
      registered[Symbol.dispose]();
    }
  };
  const closed = run();
  closed.catch(() => {}); // whoever stops it hears of a failure too; `closed` alone may have no listener
  const stop = (): Promise<void> => {
    stopping.abort();
    return closed;
  };
  const registered = core.onClose(stop);
  return {
    id,
    get leading() {
      return beat.leading;
    },
    closed,
    stop,
    on: (type, listener) => report.on(type, listener),
    [Symbol.asyncDispose]: stop,
  };
}
