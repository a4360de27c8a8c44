/** Behind a login: who may only look sees nothing to press. */

import { type Case, expectThat } from "./case.ts";
import { Eyes } from "./look.ts";
import type { World } from "./world.ts";

const password = "correct horse";

export function access(world: World): readonly Case[] {
  return [
    {
      name: "a viewer sees everything and nothing to press",
      run: async () => {
        const url = await world.serve(["--user", "vera:view"], { CELERIAC_DASHBOARD_PASSWORD: password });
        await using eyes = await Eyes.open(url);
        await eyes.visit({ user: { username: "vera", password } }, async (seen) => {
          await seen.go("tasks?state=failed");
          await seen.text("vera · view");
          await seen.page
            .getByRole("checkbox", { name: /^Select shop/ })
            .first()
            .click();
          await seen.page.getByRole("region", { name: "Selected tasks" }).waitFor();
          expectThat(
            !(await seen.page.getByRole("button", { name: "Retry", exact: true }).isVisible()),
            "a viewer is offered Retry",
          );
          await seen.go("queues?row=backfill");
          await seen.text("Its waiting tasks");
          for (const name of ["Resume", "Pause", "Purge…"])
            expectThat(
              !(await seen.page.getByRole("button", { name, exact: true }).isVisible()),
              `a viewer is offered ${name}`,
            );
        });
      },
    },
  ];
}
