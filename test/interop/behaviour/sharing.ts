/** Rows on queues that workers of both kinds serve: nothing is lost, and nothing runs twice unless its worker died. */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Behaviour } from "../behaviour.ts";
import { patience, type Stage } from "../stage.ts";

export interface Run {
  readonly by: "python" | "typescript";
  readonly id: string;
  readonly text?: string;
  readonly now: number;
  readonly redelivered: boolean;
}

export const sharing: readonly Behaviour[] = [
  {
    name: "both serve one queue: each task runs once",
    direction: "mixed workers",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const [queue, path] = [stage.fresh("shared"), stage.file()];
      await Promise.all([stage.process(queue), stage.pythonServes(queue)]);
      const sent = await Promise.all(
        Array.from({ length: 40 }, (_, n) => stage.call("both.note", [path, String(n), 0.03], { queue })),
      );
      const send =
        "calls = [send('both.note', (given[1], str(n), 0.03), queue=given[0]) for n in range(40)]; [c.id for c in calls]";
      const ids = (await stage.python.run(send, [queue, path])) as string[];
      const ends = await Promise.all(sent.map((each) => each.get({ timeout: patience })));
      const theirs = (await stage.python.run("[c.get(timeout=100) for c in calls]")) as unknown[];
      const runs = runsIn(stage, path);
      assert.deepEqual(runs.map(({ id }) => id).sort(), [...ids, ...sent.map(({ id }) => id)].sort());
      for (const kind of ["python", "typescript"] as const) {
        assert.ok(
          runs.some(({ by }) => by === kind),
          `${kind} ran nothing`,
        );
        assert.equal(
          [...ends, ...theirs].filter((end) => end === kind).length,
          runs.filter(({ by }) => by === kind).length,
        );
      }
    },
  },
  {
    name: "what only Python knows is left to it",
    direction: "mixed workers",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const queue = stage.fresh("shared");
      await Promise.all([stage.process(queue, "-c", "1"), stage.pythonServes(queue)]);
      const sent = await Promise.all(Array.from({ length: 10 }, (_, n) => stage.call("py.add", [n, 1], { queue })));
      const sums = await Promise.all(sent.map((each) => each.get({ timeout: patience })));
      assert.deepEqual(sums, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    },
  },
  {
    name: "a killed TypeScript worker's task is taken over by its peers",
    direction: "mixed workers",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const [queue, path, gate] = [stage.fresh("shared"), stage.file(), stage.file()];
      const first = await stage.process(queue, "--lease", "5s");
      const sent = await stage.call("both.hold", [path, gate], { queue });
      await stage.until("its start", () => runsIn(stage, path).length === 1);
      await stage.process(queue);
      await first.stop("SIGKILL");
      await stage.until("its second start", () => runsIn(stage, path).length === 2);
      stage.open(gate);
      assert.equal(await sent.get({ timeout: patience }), "typescript");
      assert.deepEqual(
        runsIn(stage, path).map(({ by, id, redelivered }) => [by, id, redelivered]),
        [
          ["typescript", sent.id, false],
          ["typescript", sent.id, true],
        ],
      );
    },
  },
  {
    name: "a killed TypeScript worker's task is taken over by Python",
    direction: "mixed workers",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const [queue, path, gate] = [stage.fresh("shared"), stage.file(), stage.file()];
      const worker = await stage.process(queue);
      const sent = await stage.call("both.hold", [path, gate], { queue });
      await stage.until("its start", () => runsIn(stage, path).length === 1);
      await worker.stop("SIGKILL");
      // On Redis it is Python's sweep at the start that finds it, as soon as the visibility timeout is over.
      if (stage.place.servers === "redis") await sleep(2100);
      await stage.pythonWorker(queue, { broker_transport_options: { visibility_timeout: 1 } }, "-P", "solo");
      await stage.until("its second start", () => runsIn(stage, path).length === 2);
      stage.open(gate);
      assert.equal(await sent.get({ timeout: patience }), "python");
      const [, second] = runsIn(stage, path);
      assert.deepEqual([second?.by, second?.id, second?.redelivered], ["python", sent.id, true]);
    },
  },
  {
    name: "a killed Python worker's task is run by TypeScript, when Python lets go of it",
    direction: "mixed workers",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const [queue, path, gate] = [stage.fresh("shared"), stage.file(), stage.file()];
      const python = await stage.pythonWorker(queue, {}, "-P", "solo");
      const sent = await stage.call("both.hold", [path, gate], { queue });
      await stage.until("its start", () => runsIn(stage, path).length === 1);
      await stage.process(queue);
      await python.end("SIGKILL");
      if (stage.place.servers === "redis") {
        // It may be running still, for all that we know: nobody but Python may judge that, by its visibility timeout.
        await sleep(1500);
        assert.equal(runsIn(stage, path).length, 1);
        await kombuSweep(stage, 1);
      }
      await stage.until("its second start", () => runsIn(stage, path).length === 2);
      assert.deepEqual(
        runsIn(stage, path).map(({ by, redelivered }) => [by, redelivered]),
        [
          ["python", false],
          ["typescript", true],
        ],
      );
      stage.open(gate);
      assert.equal(await sent.get({ timeout: patience }), "typescript");
    },
  },
  {
    name: "what Python had stored before it died is not run again",
    direction: "mixed workers",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const [queue, path] = [stage.fresh("shared"), stage.file()];
      const python = await stage.pythonWorker(queue, {}, "-P", "solo");
      const sent = await stage.call("both.stored", [path], { queue });
      assert.equal(await sent.get({ timeout: patience }), "stored by python");
      await python.exited;
      if (stage.place.servers === "redis") {
        await sleep(1100);
        await kombuSweep(stage, 1);
      }
      await stage.process(queue);
      await stage.until("the empty queue", async () => {
        const state = (await stage.app.queues.list()).find(({ name }) => name === queue);
        return state !== undefined && state.ready.every(({ count }) => count === 0) && (state.leased ?? 0) === 0;
      });
      assert.equal(await sent.get({ timeout: patience }), "stored by python");
      assert.deepEqual(
        runsIn(stage, path).map(({ by }) => by),
        ["python"],
      );
    },
  },
];

export function runsIn(stage: Stage, path: string): readonly Run[] {
  return stage.lines(path).map((line) => JSON.parse(line) as Run);
}

/** kombu's own sweep, now: puts back what was last known good more than `seconds` ago, by the clock of that client. */
export async function kombuSweep(stage: Stage, seconds: number): Promise<void> {
  const code = `
sweeper = kombu.Connection(app.conf.broker_url, transport_options={**app.conf.broker_transport_options, "visibility_timeout": given})
channel = sweeper.channel()
channel.qos.restore_visible(num=channel.unacked_restore_limit)
sweeper.release()`;
  await stage.python.run(code, seconds);
}
