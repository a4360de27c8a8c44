/** What is opened from a list or a drawing, and goes on while one looks: the messages of a queue, the nodes of a workflow's graph. */

import { chain } from "../../src/index.ts";
import type { WorkflowPage } from "../../src/dashboard/contract.ts";
import { app } from "./app.ts";
import type { Case } from "./case.ts";
import type { Eyes, Seen } from "./look.ts";
import { answered } from "./pages.ts";
import { charge, report, send } from "./tasks.ts";

/** Of a round figure that no other order has. */
const order = 700_001;
/** Pictures of the large one that stands around. */
const album = 60;

export function opened(eyes: Eyes): readonly Case[] {
  const at = (run: (seen: Seen) => Promise<void>) => (): Promise<void> => eyes.visit({}, run);
  const panel = (seen: Seen) => seen.page.getByRole("complementary");
  const node = (seen: Seen, text: string) =>
    seen.page.getByRole("region", { name: "Graph of the workflow" }).getByRole("button").filter({ hasText: text });
  return [
    {
      name: "messages in flight are shown as they come and go, with who holds them",
      run: at(async (seen) => {
        await seen.go("queues?row=reports");
        await panel(seen).getByRole("button", { name: "In flight", exact: true }).click();
        const sent = await report.delay({ month: "July", pages: 600 });
        const line = panel(seen)
          .getByRole("listitem")
          .filter({ has: seen.page.locator(`a[title="${sent.id}"]`) });
        await line.getByText("mixed-1@south").waitFor();
        await seen.shot("messages-in-flight");
        await app.revoke(sent.id, { terminate: true });
        await line.waitFor({ state: "detached" });
      }),
    },
    {
      name: "a node of a workflow's graph opens what happened to its task, by mouse and by key",
      run: at(async (seen) => {
        await app.delay(
          chain(charge.si({ order, cents: 4_900 }), send.si({ to: "bob@shop.example", subject: "Paid" })),
        );
        await seen.go("");
        // The newest change first: the one that stands around is over long since.
        const both = ({ items }: WorkflowPage): boolean =>
          items.find(({ task }) => task === "shop.billing.charge")?.total === 2;
        const { items } = await answered<WorkflowPage>(seen, "/api/workflows?limit=200", both, "no chain of two");
        await seen.go(`workflows/${items.find(({ task }) => task === "shop.billing.charge")?.root ?? ""}`);
        await node(seen, "billing.charge").click();
        await panel(seen).getByRole("heading", { name: "What happened" }).waitFor();
        await seen.shot("workflow-node");
        await panel(seen).getByRole("button", { name: "Close the panel" }).click();
        await panel(seen).waitFor({ state: "detached" });
        await node(seen, "mail.send").press("Enter");
        await panel(seen).getByRole("heading", { name: "mail.send" }).waitFor();
        await seen.page.keyboard.press("Escape");
        await panel(seen).waitFor({ state: "detached" });
      }),
    },
    {
      name: "a node of many opens the worst of them, and each of these its task",
      run: at(async (seen) => {
        await seen.go("");
        const many = ({ items }: WorkflowPage) => items.find(({ total }) => total >= album);
        const list = await answered<WorkflowPage>(
          seen,
          "/api/workflows?limit=200",
          (page) => many(page) !== undefined,
          "no album is resized",
        );
        await seen.go(`workflows/${many(list)?.root ?? ""}`);
        await node(seen, "images.resize ×").click();
        await panel(seen)
          .getByRole("region", { name: "Some of them, the worst first" })
          .getByRole("link")
          .first()
          .click();
        await seen.page.waitForURL(/\/tasks\//);
        await seen.text("What happened");
      }),
    },
  ];
}
