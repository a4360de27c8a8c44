/** What an admin does to a worker: each press, and what the worker itself does then. */

import type { QueueList, TaskPage, WorkerDetail } from "../../src/dashboard/contract.ts";
import type { WorkerProcess } from "../server/command-line.ts";
import { type Case, expectThat } from "./case.ts";
import type { Eyes, Seen } from "./look.ts";
import { answered } from "./pages.ts";
import { archive, echo, report } from "./tasks.ts";
import type { World } from "./world.ts";

const name = "spare-1@west";
const path = `/api/workers/${encodeURIComponent(name)}`;
/** Of its own, and one that nobody takes from until it is told to. */
const [own, more] = ["spare", "crates"];

export function controls(world: World, eyes: Eyes): readonly Case[] {
  let started: Promise<WorkerProcess> | undefined;
  const worker = (): Promise<WorkerProcess> =>
    (started ??= world.work("-n", name, "-Q", own, "--autoscale", "3,1", "--processes", "1", "-E"));
  const at = (run: (seen: Seen, worker: WorkerProcess) => Promise<void>) => async (): Promise<void> => {
    const process = await worker();
    await eyes.visit({}, async (seen) => {
      await seen.go(`workers?row=${encodeURIComponent(name)}`);
      await seen.page.getByRole("button", { name: "More…" }).click();
      await run(seen, process);
    });
  };
  const detail = (seen: Seen, fits: (detail: WorkerDetail) => boolean, what: string): Promise<WorkerDetail> =>
    answered<WorkerDetail>(seen, path, fits, what);
  const states = (seen: Seen, ids: readonly string[], wanted: readonly string[]): Promise<unknown> =>
    answered<readonly TaskPage[]>(
      seen,
      ids.map((id) => `/api/tasks?text=${id}`),
      (pages) => pages.every(({ items }, index) => items[0]?.state === wanted[index]),
      `the tasks are not ${wanted.join(", ")}`,
    );
  return [
    {
      name: "the bounds of a worker's autoscaler are set, and its pool is within them",
      run: at(async (seen) => {
        await seen.page.getByLabel("At least", { exact: true }).fill("3");
        await seen.page.getByLabel("At most", { exact: true }).fill("2");
        const line = seen.page.getByRole("form", { name: "Autoscale" });
        expectThat(await line.getByRole("button", { name: "Set" }).isDisabled(), "more at least than at most is set");
        await seen.page.getByLabel("At least", { exact: true }).fill("2");
        await seen.page.getByLabel("At most", { exact: true }).fill("5");
        await line.getByRole("button", { name: "Set" }).click();
        await seen.said("Autoscale set");
        await detail(seen, ({ row }) => row.slots === 2, "its pool has not two slots");
      }),
    },
    {
      name: "a worker takes from one more queue, and then from it no more; what is revoked there does not run",
      run: at(async (seen, { lines }) => {
        const began = (id: string): boolean => lines.some((line) => line.event === "task.started" && line["id"] === id);
        const [wanted, unwanted] = [1, 2].map((year) => archive.enqueue({ year }, { queue: more }));
        const [first, second] = [(await wanted)?.id ?? "", (await unwanted)?.id ?? ""];
        await states(seen, [first, second], ["queued", "queued"]);
        await seen.go(`tasks/${second}`);
        await seen.press("button", "Revoke");
        await seen.said("1 revoked");
        await seen.go(`workers?row=${encodeURIComponent(name)}`);
        await seen.page.getByRole("button", { name: "More…" }).click();
        const line = seen.page.getByRole("form", { name: "Queue" });
        await line.getByLabel("Queue").fill(more);
        await line.getByRole("button", { name: "Take from it" }).click();
        await seen.said("The worker takes from the queue");
        await states(seen, [first, second], ["succeeded", "revoked"]);
        expectThat(began(first) && !began(second), "the revoked one was run");
        await detail(seen, ({ row }) => row.queues?.includes(more) === true, "it does not tell of its queue");
        await line.getByLabel("Queue").fill(more);
        await line.getByRole("button", { name: "Not any more" }).click();
        await seen.said("The worker takes from the queue no more");
        await detail(seen, ({ row }) => row.queues?.includes(more) === false, "it tells of the queue still");
        // What comes later by its other queue is run, what lies in this one is not.
        const left = await archive.enqueue({ year: 3 }, { queue: more });
        const mark = await echo.enqueue({ text: "mark", fail: false }, { queue: own });
        await states(seen, [mark.id, left.id], ["succeeded", "queued"]);
        const list = await answered<QueueList>(
          seen,
          "/api/queues",
          ({ items }) => items.some((row) => row.name === more),
          "no queue",
        );
        expectThat(list.items.find((row) => row.name === more)?.ready === 1, "the message does not lie in its queue");
      }),
    },
    {
      name: "a worker's rate limit holds tasks back, and lets them go when it is taken away",
      run: at(async (seen) => {
        const line = seen.page.getByRole("form", { name: "Rate limit" });
        const set = async (rate: string): Promise<void> => {
          await line.getByLabel("Task").fill("shop.exports.archive");
          await line.getByLabel("Rate").fill(rate);
          await line.getByRole("button", { name: "Set" }).click();
          await seen.said("Rate limit set");
        };
        await line.getByLabel("Task").fill("shop.exports.archive");
        await line.getByLabel("Rate").fill("often");
        expectThat(await line.getByRole("button", { name: "Set" }).isDisabled(), "what is no rate can be set");
        await set("1/h");
        await detail(seen, ({ limits }) => limits.some(({ rate }) => rate === "1/h"), "it does not tell of its limit");
        const first = await archive.enqueue({ year: 11 }, { queue: own });
        await states(seen, [first.id], ["succeeded"]);
        const second = await archive.enqueue({ year: 12 }, { queue: own });
        const other = await echo.enqueue({ text: "passes", fail: false }, { queue: own });
        await states(seen, [other.id], ["succeeded"]);
        const [page] = await answered<readonly TaskPage[]>(seen, [`/api/tasks?text=${second.id}`], () => true, "");
        expectThat(page?.items[0]?.state !== "succeeded", "the second ran within the hour of the first");
        await set("0");
        await states(seen, [second.id], ["succeeded"]);
      }),
    },
    {
      name: "a worker's time limits are told on its page, and end what takes longer",
      run: at(async (seen) => {
        const task = "shop.reports.build";
        const line = seen.page.getByRole("form", { name: "Time limits" });
        await line.getByLabel("Task").fill(task);
        await line.getByLabel("Soft limit, seconds").fill("1");
        await line.getByLabel("Hard limit, seconds").fill("3");
        await line.getByRole("button", { name: "Set" }).click();
        await seen.said("Time limits set");
        const isTold = ({ limits }: WorkerDetail): boolean =>
          limits.some((limit) => limit.task === task && limit.soft === 1 && limit.hard === 3);
        await detail(seen, isTold, "it does not tell of its limits");
        await seen.text("soft 1 s · hard 3 s");
        const long = await report.enqueue({ month: "June", pages: 600 }, { queue: own });
        await states(seen, [long.id], ["failed"]);
        await seen.go(`tasks/${long.id}`);
        await seen.text(/TimeLimitExceeded/);
      }),
    },
    {
      name: "a worker's pool is restarted: other processes take over, and what ran there ends well",
      run: at(async (seen) => {
        const pids = ({ children }: WorkerDetail): readonly number[] => children.map(({ pid }) => pid);
        const former = pids(await detail(seen, (told) => pids(told).length > 0, "it tells of no child"));
        await seen.press("button", "Restart the pool");
        await seen.said("The pool restarts");
        const isFresh = (told: WorkerDetail): boolean =>
          pids(told).length > 0 && pids(told).every((pid) => !former.includes(pid));
        const fresh = pids(await detail(seen, isFresh, "its children are the same"));
        await seen.text(String(fresh[0]));
        const sent = await echo.enqueue({ text: "in the new one", fail: false }, { queue: own });
        await states(seen, [sent.id], ["succeeded"]);
      }),
    },
    {
      name: "a worker is shut down after a question, ends well, and is shown as gone",
      run: at(async (seen, { exited }) => {
        await seen.press("button", "Shut down");
        await seen.text("Shut this worker down?");
        await seen.press("button", "Keep");
        await seen.press("button", "Shut down");
        await seen.press("button", "Shut down");
        await seen.said("The worker shuts down");
        expectThat((await exited) === 0, "it ended with an error");
        await detail(seen, ({ row }) => !row.online, "it is online still");
        await seen.text("✕ offline");
        started = undefined;
      }),
    },
  ];
}
