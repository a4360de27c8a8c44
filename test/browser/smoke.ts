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
      name: "a task that waits tells why, and runs once its queue is resumed",
      run: at(async (seen) => {
        await seen.go("");
        await seen.go(`tasks/${await taskId(seen, "state=queued&queue=backfill")}`);
        await seen.press("button", "Resume backfill");
        await seen.text("Queue resumed");
        // Some of these fail by chance.
        await seen.page
          .getByText(/^(?:succeeded|failed)$/)
          .first()
          .waitFor();
      }),
    },
  ];
}
