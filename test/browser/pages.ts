/** Every page, full of real data, in three sizes and both themes. */

import type { ActionRequest, Session } from "../../src/dashboard/contract.ts";
import type { Case } from "./case.ts";
import type { Eyes, Seen } from "./look.ts";

/** Of one question, each of which takes 5 s at most. */
const mostTries = 15;

interface PageCase {
  readonly name: string;
  /** Where to go; with the API at hand, for ids. */
  readonly path: (seen: Seen) => Promise<string> | string;
  readonly shows: string | RegExp;
  /** What is pressed before one looks. */
  readonly then?: (seen: Seen) => Promise<void>;
}

/** Asked by the page itself, so with its prefix and its login. A server that says that it was too slow is asked again, as pages do. */
export async function api<T>(seen: Seen, path: string): Promise<T> {
  for (let tries = 1; ; tries++) {
    const { status, body } = await seen.page.evaluate<{ readonly status: number; readonly body: string }>(
      `fetch(document.querySelector('meta[name=celeriac-prefix]').content + ${JSON.stringify(path)}, { headers: { accept: "application/json" } }).then(async (answer) => ({ status: answer.status, body: await answer.text() }))`,
    );
    if (status < 300) return JSON.parse(body) as T;
    if (tries === mostTries || !body.includes('"TIMEOUT"')) throw new Error(`${path}: ${String(status)} ${body}`);
  }
}

/** Does it as a page does; what is refused is so answered, and is in the audit all the same. */
export async function press(
  seen: Seen,
  request: ActionRequest,
): Promise<{ readonly status: number; readonly text: string }> {
  const { csrf } = await api<Session>(seen, "/api/session");
  const init = {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrf-token": csrf },
    body: JSON.stringify(request),
  };
  return seen.page.evaluate<{ readonly status: number; readonly text: string }>(
    `fetch(document.querySelector('meta[name=celeriac-prefix]').content + "/api/actions", ${JSON.stringify(init)}).then(async (answer) => ({ status: answer.status, text: await answer.text() }))`,
  );
}

/** Asks until the answer fits, or the answers to several questions do; `otherwise` is what is wrong if that does not come. */
export async function answered<T>(
  seen: Seen,
  path: string | readonly string[],
  fits: (answer: T) => boolean,
  otherwise: string,
): Promise<T> {
  for (let tries = 0; tries < 450; tries++) {
    const answer = (
      typeof path === "string" ? await api(seen, path) : await Promise.all(path.map((one) => api(seen, one)))
    ) as T;
    if (fits(answer)) return answer;
    await seen.page.waitForTimeout(200);
  }
  throw new Error(otherwise);
}

/** The id of a task that fits; waits until there is one. */
export async function taskId(seen: Seen, query: string): Promise<string> {
  for (let tries = 0; tries < 450; tries++) {
    const { items } = await api<{ readonly items: readonly { readonly id: string }[] }>(
      seen,
      `/api/tasks?limit=1&${query}`,
    );
    if (items[0] !== undefined) return items[0].id;
    await seen.page.waitForTimeout(200);
  }
  throw new Error(`no task for ${query}`);
}

const firstRow = async (seen: Seen): Promise<void> => {
  await seen.page.locator("[role=row] button, tbody button, main li button").first().click();
  await seen.page.getByRole("complementary").waitFor();
};

const drawn = (seen: Seen): Promise<void> => seen.page.locator("canvas").first().waitFor();

export const pageCases: readonly PageCase[] = [
  { name: "overview", path: () => "", shows: "What fails most", then: drawn },
  { name: "tasks", path: () => "tasks", shows: "arguments" },
  { name: "tasks-panel", path: () => "tasks?state=failed", shows: "What happened", then: firstRow },
  {
    // For the docs: of several kinds, and without a stack, in which this machine's paths stand.
    name: "tasks-mail-panel",
    path: () => "tasks?worker=images-1%40north&worker=mixed-1%40south&state=succeeded&state=failed",
    shows: "Named arguments",
    then: async (seen) => {
      const mail = seen.page.getByRole("row").filter({ hasText: "mail.send" }).filter({ hasText: "succeeded" });
      await mail.first().getByRole("button").first().click();
    },
  },
  {
    name: "task-failed",
    path: async (seen) => `tasks/${await taskId(seen, "state=failed&task=shop.billing.charge")}`,
    shows: "RangeError",
  },
  {
    name: "task-waiting",
    path: async (seen) => `tasks/${await taskId(seen, "state=queued&queue=backfill")}`,
    shows: "is paused",
  },
  {
    name: "task-running",
    path: async (seen) => `tasks/${await taskId(seen, "state=running&task=shop.reports.build")}?tab=logs`,
    shows: "rendered",
  },
  {
    name: "task-edit",
    path: async (seen) => `tasks/${await taskId(seen, "state=failed&task=shop.billing.charge")}?edit=1`,
    shows: "Run as a new task",
  },
  { name: "workflows", path: () => "workflows", shows: "With failures" },
  {
    name: "workflow",
    path: () => "workflows",
    shows: "Graph of",
    then: async (seen) => seen.page.locator("main li a").first().click(),
  },
  { name: "queues", path: () => "queues", shows: "backfill" },
  { name: "queue-panel", path: () => "queues?row=backfill", shows: "Messages" },
  { name: "workers", path: () => "workers", shows: "images-1@north" },
  { name: "worker-panel", path: () => "workers?row=images-1%40north", shows: "Pool" },
  { name: "schedules", path: () => "schedules", shows: "nightly totals" },
  { name: "schedule-panel", path: () => "schedules?row=poll+the+feeds", shows: "Next runs" },
  { name: "dead", path: () => "dead", shows: "crashed" },
  {
    name: "dead-panel",
    path: () => "dead",
    shows: "libfilter: assertion failed",
    then: async (seen) => seen.page.getByRole("button", { name: "images.native_filter", exact: true }).first().click(),
  },
  { name: "audit", path: () => "audit", shows: "What was done here" },
  { name: "past", path: () => `?at=${String(Date.now() - 5_000)}`, shows: "As it was at", then: drawn },
];

export function pages(eyes: Eyes, sizes: readonly number[]): readonly Case[] {
  return sizes.flatMap((width) =>
    (["light", "dark"] as const).map((theme) => ({
      name: `every page at ${String(width)} px, ${theme}`,
      run: () =>
        eyes.visit({ width, theme }, async (seen) => {
          await seen.go("");
          for (const { name, path, shows, then } of pageCases) {
            await seen.go(await path(seen));
            await then?.(seen);
            const found = seen.page.getByText(shows).or(seen.page.getByLabel(shows)).first();
            await found
              .waitFor({ state: "attached" })
              .catch(() => seen.troubles.push(`${name}: does not show ${String(shows)}`));
            await seen.loaded().catch(() => seen.troubles.push(`${name}: something is waited for still`));
            await seen.fits();
            if (width !== 1920) await seen.axe();
            await seen.shot(name);
          }
        }),
    })),
  );
}
