/** T10: texts that would be markup, in every place that shows one. They are to be seen as they are, and nothing of them is to run. */

import { type Case, expectThat } from "./case.ts";
import { hostile, sendHostile } from "./hostile.ts";
import type { Eyes, Look } from "./look.ts";
import { api } from "./pages.ts";

interface Rows {
  readonly items: readonly { readonly id: string; readonly task?: string; readonly args?: string }[];
}

/** `brief`: fewer of the tasks are opened. `look`: who looks. */
export function hostility(
  eyes: Eyes,
  { brief = false, look = {} }: { readonly brief?: boolean; readonly look?: Look } = {},
): readonly Case[] {
  return [
    {
      name: "hostile texts in names, arguments, results, errors, logs and URLs are texts",
      run: () =>
        eyes.visit(look, async (seen) => {
          // A name that is none is answered with 400 or 404, which browsers write to their console.
          seen.forgiven = /status of 40[04]/;
          await sendHostile();
          await seen.go("");
          let echoes = await api<Rows>(seen, "/api/tasks?task=shop.echo&limit=100");
          // Sent in a moment, run by workers that are busy.
          for (let tries = 0; tries < 450 && echoes.items.length < hostile.length; tries++) {
            await seen.page.waitForTimeout(200);
            echoes = await api<Rows>(seen, "/api/tasks?task=shop.echo&limit=100");
          }
          await seen.go("tasks?order=newest&text=alert");
          await seen.page.getByRole("row").nth(5).waitFor();
          await seen.shot("hostile-tasks");
          for (const path of ["", "workers", "queues", "dead", "workflows", "audit"]) {
            await seen.go(path);
            await seen.page.waitForTimeout(brief ? 100 : 500); // for what would come a little later
          }
          const forged = await api<Rows>(seen, `/api/tasks?worker=${encodeURIComponent(hostile[0] ?? "")}&limit=10`);
          expectThat(
            echoes.items.length >= hostile.length,
            `only ${String(echoes.items.length)} of the hostile tasks are there`,
          );
          for (const { id } of [
            ...echoes.items.filter((_row, index) => index % (brief ? 20 : 8) === 0),
            ...forged.items,
          ]) {
            await seen.go(`tasks/${encodeURIComponent(id)}`);
            for (const tab of ["Input", /^(?:Result|Error)/, /^Logs/, "Workflow", "Message"])
              await seen.press("tab", tab);
          }
          for (const text of hostile.slice(0, brief ? 3 : 8)) {
            const query = encodeURIComponent(text);
            await seen.go(`tasks?text=${query}&task=${query}&row=${query}`);
            await seen.go(`tasks/${query}`);
          }
          await seen.page.waitForTimeout(500);
        }),
    },
  ];
}
