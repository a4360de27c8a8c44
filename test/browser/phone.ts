/** What is pressed on a phone: 390 px wide, where panels lie over their lists and nothing may be out of reach. */

import type { QueueList, TaskDetail, TaskPage, WorkerDetail } from "../../src/dashboard/contract.ts";
import type { Case } from "./case.ts";
import type { Eyes, Seen } from "./look.ts";
import { answered, api, taskId } from "./pages.ts";
import { send } from "./tasks.ts";

const mixed = "mixed-1@south";

export function phone(eyes: Eyes): readonly Case[] {
  const at = (run: (seen: Seen) => Promise<void>) => (): Promise<void> => eyes.visit({ width: 390 }, run);
  return [
    {
      name: "on a phone a failed task is found, opened and sent again",
      run: at(async (seen) => {
        await seen.go("");
        const id = await taskId(seen, "state=failed&task=shop.billing.charge");
        const { row } = await api<TaskDetail>(seen, `/api/tasks/${id}`);
        await seen.go(`tasks?text=${id}`);
        await seen.page.getByRole("row").filter({ hasText: "billing.charge" }).click();
        const panel = seen.page.getByRole("complementary");
        await seen.fits();
        await panel.getByRole("button", { name: "Retry" }).click();
        await seen.said("1 sent again");
        const again = ({ row: now }: TaskDetail): boolean => now.attempts > row.attempts;
        await answered<TaskDetail>(seen, `/api/tasks/${id}`, again, "it was not run again");
        await seen.shot("phone-task");
      }),
    },
    {
      name: "on a phone several are selected and cancelled",
      run: at(async (seen) => {
        for (let n = 0; n < 2; n++)
          await send.enqueue({ to: `${String(n)}@phone.example`, subject: "" }, { queue: "phone", delay: "1d" });
        await seen.go("tasks?queue=phone");
        await seen.page.getByRole("row").nth(2).waitFor();
        for (const nth of [1, 2]) await seen.page.getByRole("row").nth(nth).getByRole("checkbox").click();
        const bar = seen.page.getByRole("region", { name: "Selected tasks" });
        await bar.getByRole("button", { name: "Cancel" }).click();
        await seen.fits();
        await seen.shot("phone-selection");
        await bar.getByRole("button", { name: "Cancel" }).click();
        await seen.said("2 cancelled");
        const both = ({ items }: TaskPage): boolean => items.length === 2;
        await answered<TaskPage>(seen, "/api/tasks?state=revoked&queue=phone", both, "they are not revoked");
      }),
    },
    {
      name: "on a phone a queue is paused and resumed",
      run: at(async (seen) => {
        const paused = (wanted: boolean): Promise<QueueList> =>
          answered<QueueList>(
            seen,
            "/api/queues",
            ({ items }) => items.find(({ name }) => name === "feeds")?.paused === wanted,
            wanted ? "it is not paused" : "it is paused still",
          );
        await seen.go("queues");
        await seen.page.getByRole("button", { name: "feeds", exact: true }).click();
        const panel = seen.page.getByRole("complementary");
        await panel.getByRole("button", { name: "Pause" }).click();
        await paused(true);
        await seen.fits();
        await panel.getByRole("button", { name: "Resume" }).click();
        await paused(false);
        await panel.getByRole("button", { name: "Close" }).click();
        await panel.waitFor({ state: "detached" });
      }),
    },
    {
      name: "on a phone a pool grows and shrinks, and a worker's further controls are within reach",
      run: at(async (seen) => {
        const path = `/api/workers/${encodeURIComponent(mixed)}`;
        await seen.go(`workers?row=${encodeURIComponent(mixed)}`);
        await seen.page.getByRole("button", { name: "Grow by 1" }).waitFor();
        const slots = (await api<WorkerDetail>(seen, path)).row.slots ?? 0;
        const become = (wanted: number): Promise<WorkerDetail> =>
          answered<WorkerDetail>(seen, path, ({ row }) => row.slots === wanted, `it has not ${String(wanted)} slots`);
        await seen.press("button", "Grow by 1");
        await become(slots + 1);
        await seen.press("button", "Shrink by 1");
        await become(slots);
        await seen.press("button", "More…");
        const line = seen.page.getByRole("form", { name: "Time limits" });
        await line.getByLabel("Hard limit, seconds").fill("600");
        await line.getByLabel("Task").fill("shop.feeds.poll");
        await line.getByRole("button", { name: "Set" }).click();
        await seen.said("Time limits set");
        await seen.fits();
        await seen.shot("phone-worker");
      }),
    },
    {
      name: "on a phone a schedule is run now, and the pages are reached by their menu",
      run: at(async (seen) => {
        await seen.go("");
        const path = "/api/tasks?text=carts%40shop.example";
        const before = (await api<TaskPage>(seen, path)).items.length;
        await seen.press("link", "Schedules");
        const line = seen.page.getByRole("listitem").filter({ hasText: "remind of carts" });
        await line.getByRole("button", { name: "Run now" }).click();
        await seen.said("Sent now");
        const more = ({ items }: TaskPage): boolean => items.length > before;
        await answered<TaskPage>(seen, path, more, "nothing was sent");
        await seen.fits();
      }),
    },
  ];
}
