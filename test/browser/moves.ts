/** Tasks that are put back: to the front and the end of their queue, into another, away from their worker; one, and several at once. */

import type { MessagePage, TaskPage } from "../../src/dashboard/contract.ts";
import { type Case, expectThat } from "./case.ts";
import type { Eyes, Seen } from "./look.ts";
import { api, taskId } from "./pages.ts";

/** Paused, so what lies there stays. */
const queue = "backfill";

async function waiting(seen: Seen): Promise<readonly (string | undefined)[]> {
  const { items } = await api<MessagePage>(seen, `/api/queues/${queue}/messages?limit=200`);
  return items.map(({ id }) => id);
}

async function toRow(seen: Seen, nth: number): Promise<void> {
  await seen.page.getByRole("row").nth(nth).getByRole("checkbox").click();
}

export function moves(eyes: Eyes): readonly Case[] {
  const at = (run: (seen: Seen) => Promise<void>) => (): Promise<void> => eyes.visit({}, run);
  return [
    {
      name: "a waiting task is put to the front of its queue, and to the end",
      run: at(async (seen) => {
        await seen.go("");
        const before = await waiting(seen);
        const id = before.at(Math.floor(before.length / 2)) ?? "";
        await seen.go(`tasks/${id}`);
        await seen.press("button", "To the front");
        await seen.text("1 put back");
        expectThat((await waiting(seen))[0] === id, "it is not the first");
        await seen.go(`tasks/${id}`);
        await seen.press("button", "To the end");
        await seen.text("1 put back");
        const after = await waiting(seen);
        expectThat(after.at(-1) === id, "it is not the last");
        expectThat(after.length === before.length, "messages came or went");
      }),
    },
    {
      name: "a waiting task is moved to another queue, where it runs",
      run: at(async (seen) => {
        await seen.go("");
        const id = (await waiting(seen))[0] ?? "";
        await seen.go(`tasks/${id}`);
        await seen.press("button", "Move…");
        const move = seen.page.getByRole("button", { name: "Move", exact: true });
        expectThat(await move.isDisabled(), "moving must ask for a queue");
        await seen.page.getByLabel("Queue to move to").fill(queue);
        expectThat(await move.isDisabled(), "it can be moved to where it is");
        await seen.page.getByLabel("Queue to move to").fill("images");
        await move.click();
        await seen.text("1 put back into images");
        // Some of these fail by chance.
        await seen.page
          .getByText(/^(?:succeeded|failed)$/)
          .first()
          .waitFor();
        expectThat(!(await waiting(seen)).includes(id), "it lies in its old queue too");
      }),
    },
    {
      name: "a delayed task keeps its moment in another queue",
      run: at(async (seen) => {
        await seen.go("");
        const id = await taskId(seen, "state=delayed&queue=mail&order=oldest");
        await seen.go(`tasks/${id}`);
        await seen.page.getByRole("button", { name: "Move…" }).waitFor();
        expectThat(
          !(await seen.page.getByRole("button", { name: "To the front" }).isVisible()),
          "what is not due has no place in a line",
        );
        await seen.press("button", "Move…");
        await seen.page.getByLabel("Queue to move to").fill("reports");
        await seen.page.keyboard.press("Enter");
        await seen.text("1 put back into reports");
        const { items } = await api<MessagePage>(seen, "/api/queues/reports/messages?where=delayed&limit=200");
        expectThat(
          items.some((message) => message.id === id),
          "it is not among the delayed of the other queue",
        );
      }),
    },
    {
      name: "a running task is taken from its worker after a question",
      run: at(async (seen) => {
        await seen.go("");
        const id = await taskId(seen, "state=running&task=shop.reports.build");
        await seen.go(`tasks/${id}`);
        await seen.press("button", "Give back");
        await seen.text("Take it from its worker and run it again?");
        await seen.press("button", "Give back");
        await seen.text("1 put back");
      }),
    },
    {
      name: "several that are selected are put back and moved together",
      run: at(async (seen) => {
        await seen.go(`tasks?state=queued&queue=${queue}&order=newest`);
        await seen.page.getByRole("row").nth(3).waitFor();
        const { items } = await api<TaskPage>(seen, `/api/tasks?state=queued&queue=${queue}&order=newest&limit=2`);
        const ids = new Set(items.map(({ id }) => id));
        await toRow(seen, 1);
        await toRow(seen, 2);
        const bar = seen.page.getByRole("region", { name: "Selected tasks" });
        await bar.getByText("2 selected").waitFor();
        await bar.getByRole("button", { name: "Put back" }).click();
        await bar.getByText("Move 2 tasks to the front, away from who holds them?").waitFor();
        await bar.getByRole("button", { name: "Put back" }).click();
        await seen.text("2 put back");
        const front = (await waiting(seen)).slice(0, 2);
        expectThat(
          front.every((id) => id !== undefined && ids.has(id)),
          "they are not the first two",
        );
        await seen.go(`tasks?state=queued&queue=${queue}&order=newest`);
        await seen.page.getByRole("row").nth(3).waitFor();
        await toRow(seen, 1);
        await toRow(seen, 2);
        await bar.getByRole("button", { name: "Move…" }).click();
        await bar.getByLabel("Queue to move to").fill("images");
        await bar.getByRole("button", { name: "Move", exact: true }).click();
        await seen.text("2 put back into images");
        const left = await waiting(seen);
        expectThat(!left.some((id) => id !== undefined && ids.has(id)), "they lie in their old queue too");
      }),
    },
  ];
}
