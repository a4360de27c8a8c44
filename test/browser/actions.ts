/** What a person does, with the mouse and with keys, and what comes of it. */

import type { TaskPage, WhyNot } from "../../src/dashboard/contract.ts";
import { type Case, expectThat } from "./case.ts";
import type { Eyes, Seen } from "./look.ts";
import { api, taskId } from "./pages.ts";

/** Both loads of the first page and of what it draws its charts with, packed. */
const firstLoad = 200_000;

export function actions(eyes: Eyes): readonly Case[] {
  const at = (run: (seen: Seen) => Promise<void>) => (): Promise<void> => eyes.visit({}, run);
  return [
    {
      name: "the first load is small",
      run: at(async (seen) => {
        await seen.go("");
        await seen.page.locator("canvas").first().waitFor();
        expectThat(seen.bytes > 50_000 && seen.bytes < firstLoad, `scripts and styles are ${String(seen.bytes)} bytes`);
      }),
    },
    {
      name: "the failing task's stack in two clicks from the overview",
      run: at(async (seen) => {
        await seen.go("");
        await seen.page
          .getByRole("region", { name: "What fails most" })
          .getByRole("link", { name: /billing.charge/ })
          .click();
        await seen.text("chargeCard");
      }),
    },
    {
      name: "all failed tasks that match are sent again in four clicks",
      run: at(async (seen) => {
        await seen.go("");
        await seen.page
          .locator("main")
          .getByRole("link", { name: /^failed/ })
          .click();
        await seen.press("checkbox", "Select all that are loaded");
        const all = seen.page.getByRole("button", { name: /^Select all .* that match$/ });
        if (await all.isVisible()) await all.click();
        await seen.press("button", "Retry");
        await seen.said(/sent again/);
      }),
    },
    {
      name: "a delayed task is cancelled by its key",
      run: at(async (seen) => {
        await seen.go("tasks?state=delayed");
        await seen.page.getByRole("row").nth(1).waitFor();
        await seen.page.keyboard.press("j");
        await seen.page.keyboard.press("Enter");
        await seen.page.getByRole("complementary").waitFor();
        const id = new URL(seen.page.url()).searchParams.get("row") ?? "";
        await seen.page.keyboard.press("c");
        await seen.text(/1 cancelled/);
        const { reasons } = await api<WhyNot>(seen, `/api/tasks/${id}/why`);
        expectThat(reasons[0]?.kind === "revoked", `it is not revoked: ${JSON.stringify(reasons)}`);
        await seen.page.keyboard.press("Escape");
        await seen.page.getByRole("complementary").waitFor({ state: "detached" });
      }),
    },
    {
      name: "edited and run again as a new task",
      run: at(async (seen) => {
        // The new task's page may ask for it before its first event is heard, and asks again then.
        seen.forgiven = /404 \(Not Found\)/;
        await seen.go("");
        await seen.go(`tasks/${await taskId(seen, "state=failed&task=shop.billing.charge")}`);
        await seen.text("RangeError");
        await seen.page.keyboard.press("e");
        const field = seen.page.getByLabel("Named arguments, a JSON object");
        await field.fill("{ no json");
        await seen.text("is no JSON yet");
        await field.fill('{"order": 1, "cents": 4200}');
        await seen.press("button", "Run as a new task");
        await seen.page.getByText("succeeded").first().waitFor();
        await seen.text(/4200/);
      }),
    },
    {
      name: "a queue is paused, resumed, and purged only by its name",
      run: at(async (seen) => {
        await seen.go("queues?row=exports");
        await seen.press("button", "Pause");
        await seen.page.getByRole("button", { name: "Resume", exact: true }).click();
        await seen.page.getByRole("button", { name: "Pause", exact: true }).waitFor();
        await seen.press("button", "Purge…");
        const purge = seen.page.getByRole("button", { name: "Purge", exact: true });
        expectThat(await purge.isDisabled(), "purging must ask for the name");
        await seen.page.getByLabel(/^Type/).fill("exports");
        await purge.click();
        await seen.text(/messages purged/);
      }),
    },
    {
      name: "a pool grows and shrinks",
      run: at(async (seen) => {
        await seen.go("workers?row=mixed-1%40south");
        await seen.press("button", "Grow by 1");
        await seen.text("The pool grows");
        await seen.press("button", "Shrink by 1");
        await seen.text("The pool shrinks");
      }),
    },
    {
      name: "a schedule is run now, paused and resumed",
      run: at(async (seen) => {
        await seen.go("schedules");
        const line = seen.page.getByRole("listitem").filter({ hasText: "remind of carts" });
        await line.getByRole("button", { name: "Run now" }).click();
        await seen.text("Sent now");
        await line.getByRole("button", { name: "Pause" }).click();
        await line.getByText("paused").waitFor();
        await line.getByRole("button", { name: "Resume" }).click();
        await line.getByRole("button", { name: "Pause" }).waitFor();
      }),
    },
    {
      name: "dead letters are redriven, and dropped after a question",
      run: at(async (seen) => {
        await seen.go("dead");
        await seen.press("button", "images.native_filter");
        await seen.page.getByRole("complementary").getByRole("button", { name: "Redrive" }).click();
        await seen.text(/redriven/);
        await seen.page.getByRole("complementary").waitFor({ state: "detached" });
        await seen.press("button", "Drop all");
        await seen.text(/for good\?/);
        await seen.press("button", "Keep");
      }),
    },
    {
      name: "keys go everywhere, and the list of keys says so",
      run: at(async (seen) => {
        await seen.go("");
        await seen.text("What fails most");
        for (const [key, path] of [
          ["t", "tasks"],
          ["f", "workflows"],
          ["q", "queues"],
          ["w", "workers"],
          ["s", "schedules"],
          ["d", "dead"],
        ] as const) {
          await seen.page.keyboard.press("g");
          await seen.page.keyboard.press(key);
          await seen.page.waitForURL(new RegExp(`/${path}$`));
        }
        await seen.page.keyboard.press("?");
        await seen.page.getByRole("dialog", { name: "Keys" }).waitFor();
        await seen.page.keyboard.press("Escape");
        await seen.page.keyboard.press("/");
        await seen.page.keyboard.type("upload-1-0.jpg");
        await seen.page.keyboard.press("Enter");
        await seen.page.waitForURL(/text=upload-1-0/);
        await seen.page.getByRole("row").filter({ hasText: "upload-1-0.jpg" }).first().waitFor();
      }),
    },
    {
      name: "the table is live, and holds still while a row is open",
      run: at(async (seen) => {
        await seen.go("tasks");
        const first = seen.page.getByRole("row").nth(1);
        await first.waitFor();
        const top = (): Promise<string> =>
          seen.page.evaluate<string>("document.querySelector('[role=rowgroup] [role=row] button').title");
        const before = await top();
        for (let tries = 0; (await top()) === before; tries++) {
          expectThat(tries < 100, "no newer row came");
          await seen.page.waitForTimeout(100);
        }
        await first.click();
        await seen.page.getByRole("button", { name: /^Show .* newer$/ }).waitFor();
        const still = await top();
        await seen.page.waitForTimeout(2_500); // two ticks of the stream, in which nothing may move
        expectThat((await top()) === still, "rows moved under an open panel");
      }),
    },
    {
      name: "a moment of the past is kept in the URL, shown as such, and left with one click",
      run: at(async (seen) => {
        await seen.go("tasks");
        await seen.press("button", "Past");
        await seen.text(/As it was at/);
        const moment = Number(new URL(seen.page.url()).searchParams.get("at"));
        const page = await api<TaskPage>(seen, `/api/tasks?at=${String(moment)}`);
        expectThat(
          page.items.every(({ since }) => since <= moment),
          "a row is younger than the moment",
        );
        await seen.page.getByRole("slider", { name: "Moment", exact: true }).press("ArrowRight");
        await seen.page.waitForURL((url) => Number(url.searchParams.get("at")) !== moment);
        await seen.press("button", "Back to live");
        await seen.page.waitForURL((url) => !url.searchParams.has("at"));
      }),
    },
    {
      name: "dragging on a chart sets the time",
      run: at(async (seen) => {
        await seen.go("");
        const chart = seen.page.locator(".u-over").first();
        await chart.waitFor();
        await seen.drag(chart);
        await seen.page.waitForURL((url) => url.searchParams.has("from") && url.searchParams.has("until"));
        await seen.text(/^From /);
      }),
    },
    {
      name: "a place whose code does not come says so, and is there once it does",
      run: at(async (seen) => {
        seen.forgiven = /ERR_FAILED|Failed to (?:load|fetch)/;
        await seen.page.route(/schedules-page/, (route) => route.abort());
        await seen.go("");
        await seen.press("link", "Schedules");
        await seen.text(/The code of this part was not loaded/);
        await seen.page.unroute(/schedules-page/);
        // The place's code is also loaded ahead; where that comes first, the button is gone.
        const again = seen.page.getByRole("button", { name: "Ask again", exact: true });
        await again.click({ timeout: 2_000 }).catch(() => {});
        await seen.page.getByRole("heading", { name: "Schedules", level: 1 }).waitFor({ state: "attached" });
      }),
    },
  ];
}
