/**
 * What workflows cost beside their tasks, in CPU of one core: a worker that tells what is planned (`planned` of `task-received`), and a dashboard
 * that keeps it and finds out which tasks belong together. The kinds are measured in turn; the CPU of a process does not depend on what else runs.
 *
 *   node bench/plan-cost.ts [--rounds 9] [--json]
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../src/clock/clock.ts";
import { History } from "../src/dashboard/history/history.ts";
import { plannedSteps } from "../src/event/planned.ts";
import type { CeleryEvent } from "../src/wire/event.ts";
import type { Signature } from "../src/wire/signature.ts";
import { type Embed, noEmbed } from "../src/wire/task-body.ts";
import { median } from "./statistics.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "9" }, json: { type: "boolean", default: false } },
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error("--rounds takes a whole number");

/** Per pass of a round. */
const tellings = 5_000;
const tasks = 3_000;
/** Steps of a workflow. */
const steps = 5;

function step(number: number, options: object = {}): Signature {
  const own = { task_id: crypto.randomUUID(), ...options };
  return {
    task: `shop.step${String(number)}`,
    args: [],
    kwargs: {},
    options: own,
    subtask_type: null,
    immutable: false,
  };
}
const rest = (count: number): Signature[] => Array.from({ length: count }, (_, number) => step(number));
const group = crypto.randomUUID();
const sent: Readonly<Record<string, Embed>> = {
  "a task by itself": noEmbed,
  "a member of a chord": { ...noEmbed, chord: step(1) },
  "4 steps left": { ...noEmbed, chain: rest(4) },
  "20 steps left": { ...noEmbed, chain: rest(20) },
  "50 steps left, the most": { ...noEmbed, chain: rest(50) },
};

/** Events as workers tell them. `linked`: chains of some steps; otherwise tasks by themselves. */
function* told(linked: boolean, plans: boolean): Generator<CeleryEvent> {
  const common = { hostname: "w1@bench", utcoffset: 0, pid: 100, queue: "shop", attempt: 1 };
  for (let number = 0; ; number += steps) {
    const ids = Array.from({ length: steps }, () => crypto.randomUUID());
    for (const [index, uuid] of ids.entries()) {
      const tell = (type: string, fields: object): CeleryEvent => {
        const [timestamp, clock] = [Date.now() / 1000, number + index];
        return { ...common, type, timestamp, clock, uuid, name: `shop.step${String(index)}`, ...fields };
      };
      const family = { root_id: linked ? ids[0] : uuid, parent_id: linked ? (ids[index - 1] ?? null) : null };
      const later = ids.slice(index + 1).map((id, at) => {
        return { id, name: `shop.step${String(index + 1 + at)}`, after: [ids[index + at]] };
      });
      const planned = plans && later.length > 0 ? { planned: later } : {};
      const call = { args: "()", kwargs: `{'order': ${String(number)}}`, retries: 0, eta: null, expires: null };
      yield tell("task-received", { ...call, ...family, fence: 1, ...planned });
      yield tell("task-started", { fence: 1 });
      yield tell("task-succeeded", { result: "3", runtime: 0.001 });
    }
  }
}

/** Not `Iterator.take`: that ends the generator. */
function take(events: Generator<CeleryEvent>, count: number): CeleryEvent[] {
  return Array.from({ length: count }, () => (events.next() as IteratorYieldResult<CeleryEvent>).value);
}

function cpu(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

const figures = new Map<string, number[]>();
const note = (name: string, micros: number): void => {
  figures.set(name, [...(figures.get(name) ?? []), micros]);
};
const lengths = new Map<string, number>();
const folder = await mkdtemp(join(tmpdir(), "celeriac-plans-"));
const kinds: Readonly<Record<string, readonly [linked: boolean, plans: boolean]>> = {
  "tasks by themselves": [false, false],
  "chains, plans not told": [true, false],
  "chains, plans told": [true, true],
};
const kept = Object.entries(kinds).map(([name, [linked, plans]]) => {
  const history = new History({ path: join(folder, `${name}.db`), clock: systemClock });
  return { name, history, events: told(linked, plans) };
});
try {
  for (let round = -1; round < rounds; round++) {
    for (const [name, embed] of Object.entries(sent)) {
      let text = "";
      const micros = cpu(() => {
        for (let index = 0; index < tellings; index++) {
          const planned = plannedSteps({ id: "7c41fbd8-36b9-3d75-9d5a-3f6d3c8f0b51", group }, embed);
          text = planned.length === 0 ? "" : `,"planned":${JSON.stringify(planned)}`;
        }
      });
      lengths.set(name, text.length);
      if (round >= 0) note(name, micros / tellings);
    }
    for (const { name, history, events } of kept) {
      const batches = Array.from({ length: (tasks * 3) / 100 }, () => take(events, 100));
      const micros = cpu(() => {
        for (const batch of batches) history.ingest({ events: batch, missed: 0 });
        history.flush();
      });
      if (round >= 0) note(name, micros / tasks);
    }
  }
} finally {
  for (const { history } of kept) history.close();
  await rm(folder, { recursive: true, force: true });
}

const rows = [...figures].map(([name, found]) => ({ name, micros: median(found), bytes: lengths.get(name) }));
if (values.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
else
  for (const { name, micros, bytes } of rows)
    process.stdout.write(
      `${micros.toFixed(1).padStart(7)} µs  ${name}${bytes === undefined ? ": to keep a task" : `: ${String(bytes)} bytes more`}\n`,
    );
