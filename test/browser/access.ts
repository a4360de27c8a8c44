/** Behind a login: each role sees what it may press and nothing else, and what it presses is done. */

import { freePort } from "../server/free-port.ts";
import { IdentityProvider } from "../server/identity-provider.ts";
import type { QueueList, TaskDetail, TaskPage } from "../../src/dashboard/contract.ts";
import { hashPassword } from "../../src/dashboard/access/password.ts";
import { type Case, expectThat } from "./case.ts";
import { Eyes, type Seen } from "./look.ts";
import { answered, api, press, taskId } from "./pages.ts";
import type { World } from "./world.ts";

const password = "correct horse";
const asOne = { CELERIAC_DASHBOARD_PASSWORD: password };
const person = "ann@shop.example";

/** None of them, wherever it would stand. */
async function offersNone(seen: Seen, who: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const found = seen.page.getByRole("button", { name, exact: true });
    expectThat((await found.count()) === 0, `${who} is offered ${name}`);
  }
}

const pausedIn = (seen: Seen, queue: string, wanted: boolean): Promise<QueueList> =>
  answered<QueueList>(
    seen,
    "/api/queues",
    ({ items }) => items.find(({ name }) => name === queue)?.paused === wanted,
    `${queue} is ${wanted ? "not paused" : "paused still"}`,
  );

export function access(world: World): readonly Case[] {
  /** Somebody of this role before a dashboard of its own. */
  const as = (name: string, role: string, flags: readonly string[], run: (seen: Seen) => Promise<void>) => async () => {
    const url = await world.serve(["--user", `${name}:${role}`, ...flags], asOne);
    await using eyes = await Eyes.open(url);
    await eyes.visit({ user: { username: name, password } }, run);
  };
  return [
    {
      name: "a viewer sees everything and nothing to press",
      run: as("vera", "view", [], async (seen) => {
        await seen.go("tasks?state=failed");
        await seen.text("vera · view");
        await seen.page
          .getByRole("checkbox", { name: /^Select shop/ })
          .first()
          .click();
        await seen.page.getByRole("region", { name: "Selected tasks" }).waitFor();
        await offersNone(seen, "a viewer", ["Retry", "Put back", "Cancel"]);
        await seen.go("queues?row=backfill");
        await seen.text("Its waiting tasks");
        await offersNone(seen, "a viewer", ["Resume", "Pause", "Purge…"]);
      }),
    },
    {
      name: "an operator runs tasks anew and pauses queues, and neither purges, drops nor steers workers",
      run: as("otto", "operate", [], async (seen) => {
        await seen.go("");
        await seen.text("otto · operate");
        expectThat((await seen.page.getByRole("link", { name: /otto/ }).count()) === 0, "the audit is offered");
        const id = await taskId(seen, "state=failed&task=shop.billing.charge");
        const { row } = await api<TaskDetail>(seen, `/api/tasks/${id}`);
        await seen.go(`tasks/${id}`);
        await seen.press("button", "Retry");
        await seen.said("1 sent again");
        await answered<TaskDetail>(
          seen,
          `/api/tasks/${id}`,
          ({ row: now }) => now.attempts > row.attempts,
          "it was not run again",
        );
        await seen.go("queues?row=feeds");
        await seen.press("button", "Pause");
        await pausedIn(seen, "feeds", true);
        await offersNone(seen, "an operator", ["Purge…"]);
        await seen.press("button", "Resume");
        await pausedIn(seen, "feeds", false);
        await seen.go("workers?row=mixed-1%40south");
        await seen.text("Over the last hour");
        await offersNone(seen, "an operator", ["Grow by 1", "Shrink by 1", "Restart the pool", "Shut down", "More…"]);
        await seen.go("dead");
        await seen.press("button", "images.native_filter");
        await seen.page.getByRole("complementary").getByRole("button", { name: "Redrive" }).waitFor();
        await offersNone(seen, "an operator", ["Drop", "Drop all"]);
        seen.forgiven = /status of 403/;
        const refused = await press(seen, { do: "worker.grow", worker: "mixed-1@south", by: 1 });
        expectThat(refused.status === 403, `growing a pool is answered with ${String(refused.status)}`);
      }),
    },
    {
      name: "who is confined to a queue sees its tasks alone, and steers it alone",
      run: async () => {
        const users = await world.file("users.json", [
          { name: "mia", role: "admin", queues: ["mail"], password: await hashPassword(password) },
        ]);
        const url = await world.serve(["--users", users], {});
        await using eyes = await Eyes.open(url);
        await eyes.visit({ user: { username: "mia", password } }, async (seen) => {
          await seen.go("tasks");
          await seen.text("mia · admin");
          const { items } = await answered<TaskPage>(
            seen,
            "/api/tasks?limit=200",
            (page) => page.items.length > 20,
            "",
          );
          expectThat(
            items.every(({ queue }) => queue === "mail"),
            "tasks of another queue are told of",
          );
          await seen.page.getByRole("row").nth(5).waitFor();
          await seen.go("queues");
          await seen.page.getByRole("button", { name: "mail", exact: true }).click();
          for (const other of ["images", "backfill"])
            expectThat((await seen.page.getByRole("button", { name: other, exact: true }).count()) === 0, other);
          await seen.press("button", "Pause");
          await pausedIn(seen, "mail", true);
          await seen.press("button", "Resume");
          await pausedIn(seen, "mail", false);
          await seen.go("workers?row=mixed-1%40south");
          await seen.page.getByRole("complementary").waitFor();
          await offersNone(seen, "who is confined", ["Grow by 1", "Shut down", "More…"]);
          await seen.go("schedules");
          await seen.page.getByRole("heading", { name: "Schedules", level: 1 }).waitFor({ state: "attached" });
          await offersNone(seen, "who is confined", ["Run now", "Pause"]);
          seen.forgiven = /status of 403/;
          const refused = await press(seen, { do: "queue.pause", queue: "images" });
          expectThat(refused.status === 403, `pausing another queue is answered with ${String(refused.status)}`);
        });
      },
    },
    {
      name: "read only, nobody is offered anything, and what is sent is refused",
      run: as("rita", "admin", ["--read-only"], async (seen) => {
        await seen.go("");
        await seen.text("read only");
        const id = await taskId(seen, "state=failed&task=shop.billing.charge");
        await seen.go(`tasks/${id}`);
        await seen.text("RangeError");
        await offersNone(seen, "who may only read", ["Retry", "Edit and run again"]);
        await seen.page.keyboard.press("r");
        await seen.go("queues?row=backfill");
        await seen.text("Its waiting tasks");
        await offersNone(seen, "who may only read", ["Resume", "Pause", "Purge…"]);
        await seen.go("workers?row=mixed-1%40south");
        await seen.text("Over the last hour");
        await offersNone(seen, "who may only read", ["Grow by 1", "Shut down", "More…"]);
        seen.forgiven = /status of 403/;
        const { status, text } = await press(seen, { do: "task.retry", tasks: { ids: [id] } });
        expectThat(status === 403 && text.includes("READ_ONLY"), `it is answered with ${String(status)} ${text}`);
      }),
    },
    {
      name: "a login at a provider, something that is pressed, and a logout that is one",
      run: async () => {
        const port = await freePort();
        const base = `http://localhost:${String(port)}/ops`;
        const client = { id: "dash", secret: "s3:cret", redirectUri: `${base}/login/callback` };
        await using provider = await IdentityProvider.start(client, person);
        const { issuer } = provider;
        const oidc = {
          issuer,
          clientId: client.id,
          clientSecret: client.secret,
          redirectUri: client.redirectUri,
          people: { [person]: "admin" },
        };
        const config = await world.file("login.json", { login: { oidc } });
        await world.serve(["--port", String(port), "--prefix", "/ops", "--config", config], {});
        await using eyes = await Eyes.open(`${base}/`);
        await eyes.visit({ also: [issuer] }, async (seen) => {
          await seen.go("queues?row=feeds");
          await seen.page.getByRole("heading", { name: "Provider" }).waitFor();
          const logins = (): number => provider.logins;
          expectThat(logins() === 0, "it is logged in before it has signed in");
          await seen.press("link", "Sign in");
          await seen.text(`${person} · admin`);
          expectThat(seen.page.url().startsWith(base), `it is at ${seen.page.url()}`);
          // What is pressed bears the new session's cookie and token.
          await seen.go("queues?row=feeds");
          await seen.press("button", "Pause");
          await pausedIn(seen, "feeds", true);
          await seen.press("button", "Resume");
          await pausedIn(seen, "feeds", false);
          await seen.press("link", "Log out");
          await seen.text("You are logged out.");
          const answer = await seen.page.request.get(`${base}/api/session`);
          expectThat(answer.status() === 401, "the session goes on");
          await seen.press("link", "Log in");
          await seen.page.getByRole("heading", { name: "Provider" }).waitFor();
          expectThat(logins() === 1, `there were ${String(logins())} logins`);
        });
      },
    },
  ];
}
