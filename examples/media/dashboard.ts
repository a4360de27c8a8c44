/** The dashboard beside the demo's API: what the workers tell is kept in the demo's folder, and shown to this machine alone. */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "celeriac";
import { serveDashboard } from "celeriac/dashboard";

/** What was seen of it by one who asked over HTTP, as a browser does. */
export interface DashboardView {
  readonly url: string;
  /** The page came, with the script it names. */
  readonly answered: boolean;
  /** Thumbnails that it shows as succeeded. */
  readonly succeeded: number;
}

/** Workers tell in lists, and the history is written behind: so long after the last that came nothing more will, ms. */
const patience = 5_000;

/** On any free port; ends with `stack`. */
export async function openDashboard(app: App, folder: string, stack: AsyncDisposableStack): Promise<string> {
  const { url } = stack.use(
    await serveDashboard(app, { port: 0, environment: "demo", history: join(folder, "dashboard.db") }),
  );
  return url;
}

/**
 * Asks it for its page and for what has succeeded, until it shows `expected` or no more come. What a worker did in its last moment
 * before the kill it could not tell any more, so a few may be missing here that are in the store.
 */
export async function viewDashboard(url: string, expected: number, signal: AbortSignal): Promise<DashboardView> {
  const answered = await pageAnswers(url, signal);
  let succeeded = await countSucceeded(url, signal);
  for (let seen = performance.now(); succeeded < expected && performance.now() - seen < patience;) {
    await sleep(100, undefined, { signal });
    const now = await countSucceeded(url, signal);
    if (now !== succeeded) seen = performance.now();
    succeeded = now;
  }
  return { url, answered, succeeded };
}

async function pageAnswers(url: string, signal: AbortSignal): Promise<boolean> {
  const page = await fetch(url, { headers: { accept: "text/html" }, signal });
  const script = /<script[^>]*\ssrc="([^"]+)"/.exec(await page.text())?.[1];
  if (!page.ok || script === undefined) return false;
  const loaded = await fetch(new URL(script, url), { signal });
  await loaded.body?.cancel();
  return loaded.ok;
}

async function countSucceeded(url: string, signal: AbortSignal): Promise<number> {
  const response = await fetch(new URL("api/tasks/counts?task=media.thumbnail", url), { signal });
  if (!response.ok) throw new Error(`the dashboard answered ${String(response.status)}: ${await response.text()}`);
  const { states } = (await response.json()) as { readonly states: { readonly succeeded: number } };
  return states.succeeded;
}
