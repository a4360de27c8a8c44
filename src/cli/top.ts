/** The live view: events and answers of workers into a state, the state onto the screen. `q` and Ctrl-C quit. */

import { redactUrl } from "../app/connect.ts";
import { ask } from "../control/ask.ts";
import { ClusterState } from "../event/cluster-state.ts";
import type { QueueState } from "../port/queue-admin.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import type { CeleryEvent } from "../wire/event.ts";
import { exitCode } from "./failure.ts";
import { told } from "./status-report.ts";
import { StopSignal } from "./stop-signal.ts";
import type { Session, Target } from "./target.ts";
import { printJson, printLine } from "./terminal.ts";
import { topFacts, topScreen, type TopView } from "./top-screen.ts";

export interface TopFlags extends Target {
  readonly once?: boolean;
  readonly every?: string;
  readonly enable?: boolean;
  readonly json?: boolean;
}

/** Silence after which workers have answered, ms. */
const answerPatience = 1_000;
/** A pipe has no width. */
const pipe = { columns: 200, rows: 1_000 };
const home = "\u001b[H";
const clearLine = "\u001b[K";
const clearRest = "\u001b[J";

export async function runTop({ app, core, backend }: Session, flags: TopFlags): Promise<number> {
  using stop = new StopSignal();
  const { clock } = core;
  const every = durationMs((flags.every ?? "1s") as Duration, "--every");
  const state = new ClusterState();
  const since = clock.now();
  const listening = await app.events(
    ({ events, missed }) => {
      state.miss(missed);
      state.apply(events, clock.now());
    },
    { enable: flags.enable === true, signal: stop.signal },
  );
  try {
    const view = async (): Promise<TopView> => {
      const queues = (await told<readonly QueueState[]>(backend.broker.queues.list())) ?? [];
      return { broker: redactUrl(core.config.broker), state, queues, now: clock.now(), since };
    };
    const asking = askActive({ core, backend }, state, stop.signal);
    if (flags.once === true || !process.stdout.isTTY) {
      await asking;
      const seen = await view();
      if (flags.json === true) printJson(topFacts(seen));
      else for (const line of topScreen(seen, pipe)) printLine(line);
      return exitCode.done;
    }
    asking.catch(() => {}); // what runs since before is not shown then
    using _keys = listenKeys(() => stop.stop());
    while (!stop.signal.aborted) {
      draw(topScreen(await view(), { columns: process.stdout.columns, rows: process.stdout.rows }));
      await clock.sleep(every, stop.signal).catch(() => {});
    }
    printLine("");
    return exitCode.done;
  } finally {
    await listening.close();
  }
}

/** What runs since before anybody listened, as workers know it, Python's too. */
async function askActive(
  { core, backend }: Pick<Session, "core" | "backend">,
  state: ClusterState,
  signal: AbortSignal,
): Promise<void> {
  const question = { method: "active", timeout: answerPatience };
  for (const [node, answer] of await ask(backend.bus, question, core.clock, signal)) {
    if (!Array.isArray(answer)) continue;
    state.apply(
      (answer as unknown[]).flatMap((info) => startedOf(node, info)),
      core.clock.now(),
    );
  }
}

/** As if its start had been heard. */
function startedOf(hostname: string, info: unknown): readonly CeleryEvent[] {
  if (typeof info !== "object" || info === null) return [];
  const { id, name, time_start: timestamp, worker_pid: child } = info as Readonly<Record<string, unknown>>;
  if (typeof id !== "string" || typeof timestamp !== "number") return [];
  return [{ type: "task-started", timestamp, hostname, utcoffset: 0, pid: 0, clock: 0, uuid: id, name, child }];
}

function draw(lines: readonly string[]): void {
  const shown = lines.slice(0, process.stdout.rows - 1);
  process.stdout.write(home + shown.map((line) => `${line}${clearLine}\n`).join("") + clearRest);
}

function listenKeys(quit: () => void): Disposable {
  const { stdin } = process;
  if (!stdin.isTTY) return { [Symbol.dispose]: () => {} };
  const onKey = (key: Buffer): void => {
    if (key.includes("q") || key.includes(3)) quit();
  };
  stdin.setRawMode(true);
  stdin.on("data", onKey);
  return {
    [Symbol.dispose]: () => {
      stdin.off("data", onKey);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}
