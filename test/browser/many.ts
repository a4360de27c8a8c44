/** What is done to several at once: revokes of all that are selected, limits of all workers, and a long log of what was done. */

import type { AuditPage, TaskPage, WhyNot, WorkerDetail } from "../../src/dashboard/contract.ts";
import { type Case, expectThat } from "./case.ts";
import type { Eyes, Seen } from "./look.ts";
import { api } from "./pages.ts";

/** Rows of one page of the log. */
const perPage = 100;
/** Every worker knows it. */
const task = "shop.echo";

export function many(eyes: Eyes): readonly Case[] {
  const at = (run: (seen: Seen) => Promise<void>) => (): Promise<void> => eyes.visit({}, run);
  return [
    {
      name: "of many: delayed tasks that are selected are revoked together, after a question",
      run: at(async (seen) => {
        await seen.go("tasks?state=delayed&order=oldest");
        await seen.page.getByRole("row").nth(3).waitFor();
        const { items } = await api<TaskPage>(seen, "/api/tasks?state=delayed&order=oldest&limit=2");
        for (const nth of [1, 2]) await seen.page.getByRole("row").nth(nth).getByRole("checkbox").click();
        const bar = seen.page.getByRole("region", { name: "Selected tasks" });
        await bar.getByText("2 selected").waitFor();
        await bar.getByRole("button", { name: "Revoke" }).click();
        await bar.getByText("Revoke 2 tasks? What waits, or is not due yet, never runs.").waitFor();
        await bar.getByRole("button", { name: "Revoke" }).click();
        await seen.text("2 revoked");
        for (const { id } of items) {
          const { reasons } = await api<WhyNot>(seen, `/api/tasks/${id}/why`);
          expectThat(reasons[0]?.kind === "revoked", `${id} is not revoked: ${JSON.stringify(reasons)}`);
        }
      }),
    },
    {
      name: "of many: limits are set for one worker, or for all of them",
      run: at(async (seen) => {
        const rateOf = async (worker: string): Promise<string | undefined> => {
          const { limits } = await api<WorkerDetail>(seen, `/api/workers/${encodeURIComponent(worker)}`);
          return limits.find((limit) => limit.task === task)?.rate;
        };
        const [mine, other] = ["mixed-1@south", "images-1@north"] as const;
        await seen.go(`workers?row=${encodeURIComponent(mine)}`);
        await seen.press("button", "More…");
        const rate = seen.page.getByRole("form", { name: "Rate limit" });
        await rate.getByLabel("Task").fill(task);
        await rate.getByLabel("Rate").fill("70/s");
        await rate.getByRole("button", { name: "Set" }).click();
        await seen.page.getByText("Rate limit set", { exact: true }).waitFor();
        expectThat((await rateOf(mine)) === "70/s", "the worker has no limit");
        expectThat((await rateOf(other)) !== "70/s", "another worker has the limit of one");
        await rate.getByLabel("Rate").fill("90/s");
        await rate.getByLabel("Which workers").selectOption({ label: "all workers, and those to come" });
        await rate.getByRole("button", { name: "Set" }).click();
        await seen.text("Rate limit set for all workers");
        for (const worker of [mine, other])
          expectThat((await rateOf(worker)) === "90/s", `${worker} has another limit: ${String(await rateOf(worker))}`);
        const time = seen.page.getByRole("form", { name: "Time limits" });
        await time.getByLabel("Task").fill(task);
        await time.getByLabel("Hard limit, seconds").fill("600");
        await time.getByLabel("Which workers").selectOption("all");
        await time.getByRole("button", { name: "Set" }).click();
        await seen.text("Time limits set for all workers");
      }),
    },
    {
      name: "of many: the audit log shows what is older when it is asked for",
      run: at(async (seen) => {
        await seen.go("audit");
        // One after the other, as people press.
        await seen.page.evaluate(`(async () => {
          const base = document.querySelector("meta[name=celeriac-prefix]").content;
          const ask = (path, init) => fetch(base + path, { ...init, headers: { accept: "application/json", ...init?.headers } });
          const { csrf } = await (await ask("/api/session")).json();
          const headers = { "content-type": "application/json", "x-csrf-token": csrf };
          const body = JSON.stringify({ do: "queue.resume", queue: "nowhere" });
          for (let n = 0; n < ${String(perPage + 1)}; n++) await ask("/api/actions", { method: "POST", headers, body });
        })()`);
        await seen.go("audit");
        const lines = seen.page.locator("main").getByRole("listitem");
        await lines.nth(perPage - 1).waitFor();
        expectThat((await lines.count()) === perPage, `the page shows ${String(await lines.count())} rows`);
        await seen.press("button", "Show more");
        await lines.nth(perPage).waitFor();
        const { next } = await api<AuditPage>(seen, "/api/audit?limit=100");
        expectThat(next !== undefined, "there is nothing older");
      }),
    },
  ];
}
