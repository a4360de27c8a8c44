/** A history of more than a hundred thousand tasks: any of them is a press, a move of a slider or some scrolling away, at a few questions. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock/clock.ts";
import type { TaskCounts } from "../../src/dashboard/contract.ts";
import { History } from "../../src/dashboard/history/history.ts";
import type { CeleryEvent } from "../../src/wire/event.ts";
import { WorkerProcess } from "../server/command-line.ts";
import { type Case, expectThat } from "./case.ts";
import { Eyes, type Seen } from "./look.ts";
import { api } from "./pages.ts";

const count = 120_000;
/** Between two of them, ms: an hour and a half in all. */
const apart = 45;
const batch = 2_000;
const worker = "past-1@north";

const idOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
const numberIn = (title: string | null): number => Number(/-(\d{12})$/.exec(title ?? "")?.[1] ?? Number.NaN);

/** One task a moment, the last one a minute ago; every hundredth failed. Written as the dashboard writes what it hears. */
function fill(path: string): number {
  const from = Date.now() - 60_000 - count * apart;
  const history = new History({ path, clock: systemClock });
  for (let first = 0; first < count; first += batch) {
    const events = Array.from({ length: batch }, (_, index): CeleryEvent => {
      const number = first + index;
      const end = number % 100 === 0 ? { exception: "Error('no')" } : { result: String(number) };
      return {
        type: number % 100 === 0 ? "task-failed" : "task-succeeded",
        timestamp: (from + number * apart) / 1_000,
        hostname: worker,
        utcoffset: 0,
        pid: 1,
        clock: number,
        uuid: idOf(number),
        name: "past.count",
        queue: "past",
        kwargs: `{'n': ${String(number)}}`,
        ...end,
      };
    });
    history.ingest({ events, missed: 0 });
    history.flush();
  }
  history.close();
  return from;
}

/** Looks at such a history, kept by a dashboard of its own to which nobody else tells anything. */
async function looked(look: (seen: Seen, from: number) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-many-"));
  try {
    const path = join(folder, "history.db");
    const from = fill(path);
    const args = ["--broker", `sqlite:${join(folder, "queue.db")}`, "--history", path, "--port", "0"];
    await using dashboard = new WorkerProcess(args, {}, "dashboard");
    await using eyes = await Eyes.open(String((await dashboard.line("dashboard.ready"))["url"]));
    await eyes.visit({}, (seen) => look(seen, from));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function longTable(): readonly Case[] {
  return [
    {
      name: "of more than 100 000 tasks each is near: the oldest, any moment's, and those below by scrolling",
      run: () =>
        looked(async (seen, from) => {
          let questions = 0;
          seen.page.on("request", (request) => {
            if (new URL(request.url()).pathname.endsWith("/api/tasks")) questions++;
          });
          const rows = seen.page.locator("[role=rowgroup] [role=row]");
          const topNumber = async (fits: (number: number) => boolean, what: string): Promise<number> => {
            for (let tries = 0; ; tries++) {
              const number = numberIn(await rows.first().locator("button").getAttribute("title"));
              if (fits(number)) return number;
              expectThat(tries < 450, `${what}: the first row is ${String(number)}`);
              await seen.page.waitForTimeout(200);
            }
          };
          await seen.go("tasks?task=past.count");
          await rows.first().waitFor();
          const { total } = await api<TaskCounts>(seen, "/api/tasks/counts?task=past.count");
          expectThat(total === count, `${String(total)} tasks are counted`);
          await seen.text(/120\s000 tasks/);
          await topNumber((number) => number === count - 1, "the newest");

          questions = 0;
          await seen.page.keyboard.press("End");
          await seen.page.waitForURL(/order=oldest/);
          await topNumber((number) => number === 0, "the oldest");
          await seen.page.keyboard.press("Home");
          await seen.page.waitForURL((url) => !url.searchParams.has("order"));
          await topNumber((number) => number === count - 1, "the newest again");

          // The row below 100 000 others.
          const wanted = 19_999;
          const slider = seen.page.getByRole("slider", { name: "Moment of the first row" });
          const [step, min] = [Number(await slider.getAttribute("step")), Number(await slider.getAttribute("min"))];
          await slider.fill(String(min + Math.round((from + wanted * apart - min) / step) * step));
          await seen.page.waitForURL(/start=\d+/);
          const near = (number: number): boolean => Math.abs(number - wanted) <= step / apart + 1;
          const top = await topNumber(near, "where the slider was put");
          expectThat(questions <= 8, `it took ${String(questions)} questions to go to three places`);
          const counted = await api<TaskCounts>(seen, "/api/tasks/counts?task=past.count");
          expectThat(counted.total === count, "where the table begins has become a filter");
          await seen.shot("many-tasks");

          // On from there by scrolling, as fast as a wheel can.
          questions = 0;
          await rows.first().hover();
          const far = 3_000;
          const lowest = async (): Promise<number> =>
            numberIn(await rows.last().locator("button").getAttribute("title"));
          for (let turns = 0; (await lowest()) > top - far; turns++) {
            expectThat(turns < 1_000, `scrolling came to ${String(await lowest())} from ${String(top)}`);
            await seen.page.mouse.wheel(0, 3_000);
            await seen.page.waitForTimeout(20); // what a wheel does in between
          }
          expectThat(questions <= far / 200 + 5, `${String(far)} rows took ${String(questions)} questions`);
          expectThat((await rows.count()) < 200, "rows are drawn that nobody sees");
          const numbers = (await rows.locator("button").evaluateAll((all) => all.map((one) => one.title))).map(
            numberIn,
          );
          expectThat(
            numbers.every((number, index) => index === 0 || number === (numbers[index - 1] ?? 0) - 1),
            "rows are missing or out of their order",
          );

          // The other way round from the same moment, and the whole again.
          await seen.press("button", "Newest first ↓");
          await topNumber(near, "the same moment, turned round");
          await seen.page
            .getByRole("group", { name: "Place in the table" })
            .getByRole("button", { name: "Newest" })
            .click();
          await topNumber((number) => number === count - 1, "the newest by its button");

          // What is open to the keys of a slider is its own: they move no row.
          await seen.press("button", "Past");
          await seen.page.waitForURL(/at=\d+/);
          const moments = seen.page.getByRole("slider", { name: "Moment", exact: true });
          const moment = (): number => Number(new URL(seen.page.url()).searchParams.get("at"));
          for (const key of ["ArrowDown", "Home"]) {
            const before = moment();
            await moments.press(key);
            await seen.page.waitForURL((url) => Number(url.searchParams.get("at")) < before);
          }
          expectThat((await seen.page.locator("[data-current=true]").count()) === 0, "a row was moved to");
        }),
    },
  ];
}
