/** The short form: a login, every page while work goes on, and one thing that is done, with what comes of it. */

import { type Case, expectThat } from "./case.ts";
import type { Eyes, Seen } from "./look.ts";
import { pageCases, taskId } from "./pages.ts";
import { signIn } from "./sign-in.ts";

export function smoke(eyes: Eyes): readonly Case[] {
  const at = (run: (seen: Seen) => Promise<void>) => (): Promise<void> => eyes.visit({ user: signIn.user }, run);
  return [
    {
      name: "nobody comes in without the password, and who has it is named",
      run: async () => {
        for (const password of [undefined, "wrong"]) {
          const authorization = `Basic ${Buffer.from(`${signIn.user.username}:${password ?? ""}`).toString("base64")}`;
          const { status } = await fetch(new URL("api/session", eyes.url), {
            headers: password === undefined ? {} : { authorization },
          });
          expectThat(status === 401, `${password ?? "no"} password is answered with ${String(status)}`);
        }
        await eyes.visit({ user: signIn.user }, async (seen) => {
          await seen.go("");
          await seen.text(`${signIn.user.username} · admin`);
        });
      },
    },
    {
      name: "every page shows what it is for",
      run: at(async (seen) => {
        await seen.go("");
        for (const { path, shows, then } of pageCases) {
          await seen.go(await path(seen));
          await then?.(seen);
          await seen.page.getByText(shows).or(seen.page.getByLabel(shows)).first().waitFor({ state: "attached" });
          await seen.fits();
        }
      }),
    },
    {
      name: "the overview draws how full the queues were, and a chart of it can be zoomed",
      run: at(async (seen) => {
        await seen.go("?last=1h");
        const depth = seen.page.getByRole("region", { name: "Queue depth", exact: true });
        for (const title of ["Queue depth", "Oldest in a queue", "Running tasks", "Workers online"])
          await seen.page.getByRole("region", { name: title, exact: true }).locator("canvas").waitFor();
        await depth.getByText("As a table").click();
        await depth
          .getByRole("cell", { name: /^[1-9]/ })
          .first()
          .waitFor();
        await seen.shot("overview-levels");
        await depth.getByText("As a table").click();
        await seen.drag(depth.locator(".u-over"));
        await seen.page.waitForURL((url) => url.searchParams.has("from") && url.searchParams.has("until"));
      }),
    },
    {
      name: "a task that waits tells why, and runs once its queue is resumed",
      run: at(async (seen) => {
        await seen.go("");
        await seen.go(`tasks/${await taskId(seen, "state=queued&queue=backfill")}`);
        await seen.press("button", "Resume backfill");
        await seen.said("Queue resumed");
        // Some of these fail by chance.
        await seen.page
          .getByText(/^(?:succeeded|failed)$/)
          .first()
          .waitFor();
      }),
    },
  ];
}
