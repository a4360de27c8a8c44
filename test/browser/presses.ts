/** Presses on tasks, dead letters, messages, workflows and the time, each with what comes of it. */

import { readFile } from "node:fs/promises";
import type { DeadLetterPage, TaskDetail, TaskPage, TaskRow } from "../../src/dashboard/contract.ts";
import { app } from "./app.ts";
import { type Case, expectThat } from "./case.ts";
import type { Eyes, Seen } from "./look.ts";
import { answered, api, taskId } from "./pages.ts";
import { foreign, report, send } from "./tasks.ts";

const ids = ({ items }: { readonly items: readonly { readonly id?: string }[] }): readonly string[] =>
  items.flatMap(({ id }) => id ?? []).toSorted();

/** Three that wait for a later day, in a queue of their own. */
async function threeLater(queue: string): Promise<readonly string[]> {
  const sent = [1, 2, 3].map((n) =>
    send.enqueue({ to: `${queue}-${String(n)}@shop.example`, subject: "Later" }, { queue, delay: "1d" }),
  );
  return (await Promise.all(sent)).map(({ id }) => id).toSorted();
}

export function presses(eyes: Eyes): readonly Case[] {
  const at = (run: (seen: Seen) => Promise<void>) => (): Promise<void> => eyes.visit({}, run);
  const bar = (seen: Seen) => seen.page.getByRole("region", { name: "Selected tasks" });
  return [
    {
      name: "a delayed task is revoked, and its broker knows",
      run: at(async (seen) => {
        const [id = ""] = await threeLater("revoking");
        await seen.go("");
        await answered<TaskPage>(
          seen,
          "/api/tasks?state=delayed&queue=revoking",
          ({ items }) => items.length === 3,
          "",
        );
        await seen.go(`tasks/${id}`);
        await seen.press("button", "Revoke");
        await seen.said("1 revoked");
        await answered<TaskDetail>(seen, `/api/tasks/${id}`, ({ row }) => row.state === "revoked", "it is not revoked");
        await seen.page.getByRole("button", { name: "Revoke" }).waitFor({ state: "detached" });
      }),
    },
    {
      name: "a running task is terminated after a question, and its sender is told",
      run: at(async (seen) => {
        const sent = await report.delay({ month: "May", pages: 600 });
        await seen.go("");
        await answered<TaskPage>(seen, `/api/tasks?text=${sent.id}&state=running`, ({ items }) => items.length > 0, "");
        await seen.go(`tasks/${sent.id}`);
        await seen.press("button", "Terminate");
        await seen.text("End its process?");
        await seen.press("button", "Terminate");
        await seen.said("1 revoked");
        const end = await sent.get({ timeout: "120s" }).then(
          () => "a result",
          (error: unknown) => (error as { readonly code?: string }).code,
        );
        expectThat(end === "TASK_REVOKED", `its sender is told ${String(end)}`);
        await seen.page.getByText("revoked", { exact: true }).first().waitFor();
      }),
    },
    {
      name: "all tasks of a filter are cancelled after a question",
      run: at(async (seen) => {
        const sent = await threeLater("cancelling");
        await seen.go("tasks?queue=cancelling");
        await seen.page.getByRole("row").nth(3).waitFor();
        await seen.press("checkbox", "Select all that are loaded");
        await bar(seen).getByText("3 selected").waitFor();
        await bar(seen).getByRole("button", { name: "Cancel" }).click();
        await bar(seen).getByText("Cancel 3 tasks?").waitFor();
        await bar(seen).getByRole("button", { name: "Keep" }).click();
        await bar(seen).getByRole("button", { name: "Cancel" }).click();
        await bar(seen).getByRole("button", { name: "Cancel" }).click();
        await seen.said("3 cancelled");
        const gone = (page: TaskPage): boolean => ids(page).join() === sent.join();
        await answered<TaskPage>(seen, "/api/tasks?state=revoked&queue=cancelling", gone, "they are not revoked");
        await bar(seen).waitFor({ state: "detached" });
      }),
    },
    {
      name: "what is selected is exported, and all that match",
      run: at(async (seen) => {
        const sent = await threeLater("exporting");
        await seen.go("tasks?queue=exporting");
        await seen.page.getByRole("row").nth(3).waitFor();
        const exported = async (): Promise<readonly TaskRow[]> => {
          const [download] = await Promise.all([
            seen.page.waitForEvent("download"),
            bar(seen).getByRole("button", { name: "Export" }).click(),
          ]);
          expectThat(download.suggestedFilename() === "tasks.ndjson", download.suggestedFilename());
          const lines = (await readFile(await download.path(), "utf8")).trimEnd().split("\n");
          return lines.map((line) => JSON.parse(line) as TaskRow);
        };
        await seen.page.getByRole("row").nth(1).getByRole("checkbox").click();
        const [one, ...others] = await exported();
        expectThat(others.length === 0 && sent.includes(one?.id ?? ""), "it is not the one that is selected");
        await seen.text("1 task exported");
        await bar(seen).getByRole("button", { name: "Select all 3 that match" }).click();
        const rows = await exported();
        expectThat(ids({ items: rows }).join() === sent.join(), "they are not all that match");
        expectThat(
          rows.every(
            ({ queue, state, kwargs }) => queue === "exporting" && state === "delayed" && kwargs !== undefined,
          ),
          `not all of a row is there: ${JSON.stringify(rows[0])}`,
        );
      }),
    },
    {
      name: "filters are added, pressed and removed as chips, and the table turned round",
      run: at(async (seen) => {
        const rows = seen.page.locator("[role=rowgroup] [role=row]");
        const shown = async (path: string): Promise<void> => {
          const first = await answered<TaskPage>(seen, path, ({ items }) => items.length > 0, `nothing for ${path}`);
          await rows.locator(`button[title$="${first.items[0]?.id ?? ""}"]`).waitFor();
        };
        await seen.go("tasks");
        await rows.first().waitFor();
        const field = seen.page.getByLabel("Add a filter by task, queue or worker");
        await field.fill("task:shop.billing.charge");
        await seen.page.waitForURL(/task=shop\.billing\.charge/);
        await field.fill("queue:billing");
        await field.press("Enter");
        await seen.page.waitForURL(/queue=billing/);
        await seen.page
          .getByRole("group", { name: "States" })
          .getByRole("button", { name: /^failed/ })
          .click();
        await seen.page.waitForURL(/state=failed/);
        await seen.press("button", "Newest first ↓");
        await seen.page.waitForURL(/order=oldest/);
        await shown("/api/tasks?state=failed&task=shop.billing.charge&queue=billing&order=oldest&limit=1");
        await seen.press("button", "Oldest first ↑");
        await seen.page.waitForURL((url) => !url.searchParams.has("order"));
        await seen.press("button", "Remove queue billing");
        await seen.page.waitForURL((url) => !url.searchParams.has("queue"));
        await seen.press("button", "Remove all");
        await seen.page.waitForURL((url) => url.search === "");
        await seen.page
          .getByRole("group", { name: "States" })
          .getByRole("button", { name: /^delayed/ })
          .click();
        await shown("/api/tasks?state=delayed&limit=1");
      }),
    },
    {
      name: "rows are selected by key, and dropped by it",
      run: at(async (seen) => {
        await seen.go("tasks?state=delayed&queue=mail");
        await seen.page.getByRole("row").nth(3).waitFor();
        for (const key of ["j", "x", "j", "x"]) await seen.page.keyboard.press(key);
        await bar(seen).getByText("2 selected").waitFor();
        const chosen = seen.page.locator("[role=row][aria-selected=true]");
        expectThat((await chosen.count()) === 2, "two are not marked");
        await seen.page.keyboard.press("x");
        await bar(seen).getByText("1 selected").waitFor();
        await seen.page.keyboard.press("Escape");
        await bar(seen).waitFor({ state: "detached" });
      }),
    },
    {
      name: "dead letters of one kind are redriven together, and dropped: one, and all",
      run: at(async (seen) => {
        for (let order = 0; order < 3; order++) await foreign.delay({ order });
        const path = "/api/dead?task=shop.orders.foreign";
        await seen.go("");
        const first = await answered<DeadLetterPage>(seen, path, ({ items }) => items.length === 3, "no dead letters");
        const since = Math.max(...first.items.map(({ at }) => at));
        await seen.go("dead?task=shop.orders.foreign");
        await seen.press("button", "Redrive all");
        await seen.said("3 redriven");
        // Each is turned away again, by a worker that had it once more.
        const again = ({ items }: DeadLetterPage): boolean => items.length === 3 && items.every(({ at }) => at > since);
        await answered<DeadLetterPage>(seen, path, again, "they were not run again");
        const detail = await api<TaskDetail>(seen, `/api/tasks/${first.items[0]?.id ?? ""}`);
        expectThat(detail.row.attempts >= 2, `it has ${String(detail.row.attempts)} attempts`);
        await seen.go("dead?task=shop.orders.foreign");
        const panel = seen.page.getByRole("complementary");
        await seen.press("button", "orders.foreign");
        await panel.getByRole("button", { name: "Drop" }).click();
        await panel.getByText("Drop it for good?").waitFor();
        await panel.getByRole("button", { name: "Drop" }).click();
        await panel.waitFor({ state: "detached" });
        const left = async (wanted: number): Promise<void> => {
          for (let tries = 0; ; tries++) {
            const { items } = await app.dead.list({ task: "shop.orders.foreign" }, undefined, 10);
            if (items.length === wanted) return;
            expectThat(tries < 450, `the broker has ${String(items.length)} left, not ${String(wanted)}`);
            await seen.page.waitForTimeout(200);
          }
        };
        await left(2);
        await seen.press("button", "Drop all");
        await seen.text("Drop 2 letters for good?");
        await seen.press("button", "Drop all");
        await seen.said("2 dropped");
        await seen.text("No dead letter fits");
        await left(0);
      }),
    },
    {
      name: "the last 5 minutes, hour, day and week are asked for as such, and kept from page to page",
      run: at(async (seen) => {
        await seen.go("");
        await seen.page.locator("canvas").first().waitFor();
        const time = seen.page.getByRole("group", { name: "Time" });
        for (const [label, span, ms] of [
          ["5 min", "5m", 300_000],
          ["1 h", "1h", 3_600_000],
          ["24 h", "24h", 86_400_000],
          ["7 d", "7d", 604_800_000],
        ] as const) {
          const [request] = await Promise.all([
            seen.page.waitForRequest((request) => {
              const { pathname, searchParams } = new URL(request.url());
              const range = Number(searchParams.get("until")) - Number(searchParams.get("from"));
              return pathname.endsWith("/api/overview") && range === ms;
            }),
            time.getByRole("button", { name: label }).click(),
          ]);
          await request.response();
          await seen.page.waitForURL((url) => url.searchParams.get("last") === span);
          const pressed = await time.getByRole("button", { name: label }).getAttribute("aria-pressed");
          expectThat(pressed === "true", `${label} is not marked`);
          await seen.page.locator("canvas").first().waitFor();
        }
        await time.getByRole("button", { name: "5 min" }).click();
        await seen.press("link", "Tasks");
        await seen.page.waitForURL((url) => url.searchParams.get("last") === "5m");
        await seen.page.getByRole("row").nth(1).waitFor();
        // Only what came into its state within it.
        const id = await taskId(seen, "state=delayed&queue=mail&order=oldest");
        const { items } = await api<TaskPage>(seen, `/api/tasks?until=${String(Date.now() - 300_000)}&limit=1`);
        expectThat(items.every((row) => row.id !== id) || items.length > 0, "the range is not asked for");
        await seen.page.keyboard.press("l");
        await seen.page.waitForURL((url) => !url.searchParams.has("last"));
      }),
    },
  ];
}
