/** T10: texts that would be markup, in every place that shows one. They are to be seen as they are, and nothing of them is to run. */

import type { DeadLetterPage, ScheduleList, TaskPage } from "../../src/dashboard/contract.ts";
import { type Case, expectThat } from "./case.ts";
import { box, forgedId, hostile, scheduleNames, sendHostile } from "./hostile.ts";
import type { Eyes, Look, Seen } from "./look.ts";
import { answered, press } from "./pages.ts";

/** What is opened of each kind, by its place among the texts. */
type Choice = (index: number) => boolean;

/** `brief`: a few of each kind are opened, not all. `look`: who looks. */
export function hostility(
  eyes: Eyes,
  { brief = false, look = {} }: { readonly brief?: boolean; readonly look?: Look } = {},
): readonly Case[] {
  let sent: Promise<void> | undefined;
  const every = (nth: number): Choice => (brief ? (index) => index % nth === 0 : () => true);
  const chosen = (nth: number): readonly string[] => hostile.filter((_text, index) => every(nth)(index));
  const at = (run: (seen: Seen) => Promise<void>) => (): Promise<void> =>
    eyes.visit(look, async (seen) => {
      // A name that is none is answered with 400 or 404, which browsers write to their console.
      seen.forgiven = /status of 40[0-9]/;
      await (sent ??= sendHostile());
      await seen.go("");
      await run(seen);
      await settle(seen);
    });
  /** For what would come a little later. */
  const settle = (seen: Seen): Promise<void> => seen.page.waitForTimeout(brief ? 100 : 500);
  const tabs = async (seen: Seen): Promise<void> => {
    for (const tab of ["Input", /^(?:Result|Error)/, /^Logs/, "Workflow", "Message"]) await seen.press("tab", tab);
  };
  const enough = ({ items }: { readonly items: readonly unknown[] }): boolean => items.length >= hostile.length;
  return [
    {
      name: "hostile texts in arguments, stamps, results, errors and logs are texts",
      run: at(async (seen) => {
        // Sent in a moment, run by workers that are busy.
        const echoes = await answered<TaskPage>(
          seen,
          "/api/tasks?task=shop.echo&state=succeeded&state=failed&limit=200",
          enough,
          "the hostile tasks have not all run",
        );
        await seen.go("tasks?order=newest&text=alert");
        await seen.page.getByRole("row").nth(5).waitFor();
        await seen.shot("hostile-tasks");
        for (const { id } of echoes.items.filter((_row, index) => every(20)(index))) {
          await seen.go(`tasks/${encodeURIComponent(id)}`);
          await tabs(seen);
        }
      }),
    },
    {
      name: "hostile texts in names of tasks, workers and queues, and in graphs of workflows, are texts",
      run: at(async (seen) => {
        await answered<TaskPage>(
          seen,
          `/api/tasks?worker=${encodeURIComponent(hostile[0] ?? "")}`,
          ({ items }) => items.length > 0,
          "no forged event was heard",
        );
        for (const path of ["", "workers", "queues", "workflows"]) {
          await seen.go(path);
          await settle(seen);
        }
        for (const [index, text] of hostile.entries()) {
          if (!every(13)(index)) continue;
          await seen.go(`tasks/${encodeURIComponent(forgedId(index))}`);
          await tabs(seen);
          for (const place of ["workers", "queues"]) {
            await seen.go(`${place}?row=${encodeURIComponent(text)}`);
            await seen.page.locator("main").getByRole("button").first().waitFor();
          }
          await seen.go(`workflows/${encodeURIComponent(forgedId(index))}`);
          await seen.page.getByRole("heading", { level: 1 }).waitFor();
          const node = seen.page.getByRole("region", { name: "Graph of the workflow" }).getByRole("button").last();
          await node.click();
          await seen.page.getByRole("complementary").waitFor();
        }
      }),
    },
    {
      name: "hostile texts in dead letters, messages, schedules and the audit are texts",
      run: at(async (seen) => {
        await answered<ScheduleList>(seen, "/api/schedules", enough, "the schedules are not all there");
        const dead = await answered<DeadLetterPage>(
          seen,
          "/api/dead?task=shop.echo&limit=200",
          enough,
          "the dead letters are not all there",
        );
        await press(seen, { do: "task.revoke", tasks: { ids: hostile.filter((text) => text.length <= 200) } });
        const names = scheduleNames.filter((_name, index) => every(13)(index));
        for (const schedule of names) await press(seen, { do: "schedule.pause", schedule });
        await seen.go("audit");
        await seen.text("schedule.pause");
        await settle(seen);
        await seen.go(`queues?row=${box}`);
        await seen.page.getByRole("complementary").getByRole("link").nth(5).waitFor();
        await settle(seen);
        await seen.go("schedules");
        await seen.page.getByRole("listitem").nth(hostile.length).waitFor();
        await settle(seen);
        for (const text of names) {
          await seen.go(`schedules?row=${encodeURIComponent(text)}`);
          await seen.page.getByRole("complementary").waitFor();
        }
        for (const { key } of dead.items.filter((_row, index) => every(20)(index)).slice(0, hostile.length)) {
          await seen.go(`dead?task=shop.echo&row=${encodeURIComponent(key)}`);
          await seen.page.getByRole("complementary").waitFor();
        }
      }),
    },
    {
      name: "hostile texts in URLs are texts",
      run: at(async (seen) => {
        for (const text of chosen(13)) {
          const query = encodeURIComponent(text);
          await seen.go(`tasks?text=${query}&task=${query}&row=${query}`);
          await seen.go(`tasks/${query}?tab=${query}`);
          if (brief) continue;
          await seen.go(`workflows/${query}?row=${query}`);
          await seen.go(`dead?task=${query}&reason=${query}&queue=${query}&row=${query}`);
          await seen.go(`queues?row=${query}&at=${query}&last=${query}`);
          await seen.go(`${query}?${query}#${query}`);
        }
        expectThat(seen.page.url().startsWith(eyes.url), "a text led elsewhere");
      }),
    },
  ];
}
