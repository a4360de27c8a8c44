/**
 * All that must be right before others depend on it: the servers' settings, the way there, the app's own, this machine, who works, who may
 * look. Each place is opened by itself, so that what is wrong with one hides nothing of another. docs/production.md explains each topic.
 */

import { type App, coreOf } from "../../app/app.ts";
import { openBackend, redactUrl } from "../../app/connect.ts";
import type { AppCore } from "../../app/core.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Check } from "../../port/check.ts";
import { dashboardChecks } from "./dashboard-check.ts";
import { machineChecks } from "./machine.ts";
import { settingChecks } from "./settings.ts";
import { transportChecks } from "./transport.ts";
import { workerChecks } from "./worker-check.ts";

/** Codes of what the driver says that a check of the list says too, and more exactly. */
export const shownBetter: ReadonlySet<string> = new Set([
  "EVICTION_ENABLED",
  "EVICTION_VOLATILE",
  "NOT_DURABLE",
  "NO_PASSWORD",
  "QUEUE_MISMATCH",
  "TLS_UNVERIFIED",
]);

/** As long as the doctor waits for the broker, ms. */
const patience = 10_000;

export async function productionChecks(app: App, named: boolean, dashboard?: string): Promise<readonly Check[]> {
  const core = coreOf(app);
  const places = placesOf(core);
  const checks: Check[] = [];
  for (const url of places) {
    const found = [...(await serverChecks(core, url)), ...transportChecks(url)];
    const where = places.length === 1 ? "" : `${redactUrl(url)}: `;
    checks.push(
      ...found.map((check) => ({ ...check, text: check.text.startsWith(where) ? check.text : where + check.text })),
    );
  }
  return [
    ...checks,
    ...settingChecks(core.config),
    ...machineChecks(),
    ...(await working(app, core, named)),
    ...(await dashboardChecks(dashboard, core.clock)),
  ];
}

/** Each server and file once. */
function placesOf({ config: { broker, results, schedules } }: AppCore): readonly URL[] {
  const urls = [broker, results, schedules].filter((url) => url instanceof URL);
  return urls.filter((url, index) => urls.findIndex(({ href }) => href === url.href) === index);
}

async function serverChecks({ clock, config }: AppCore, url: URL): Promise<readonly Check[]> {
  const { maxMessageBytes, maxDepth, publishTimeout: commandTimeout, keyPrefix } = config;
  const over = new AbortController();
  using _timer = clock.after(patience, () => over.abort(new Error(`no answer within ${String(patience / 1000)} s`)));
  // A server that evicts is not refused here, or nothing else of it would be seen.
  const options = { clock, maxMessageBytes, maxDepth, commandTimeout, allowEviction: true, keyPrefix };
  const backend = await openBackend(url, options);
  try {
    await backend.open(over.signal);
    return await backend.examine();
  } catch (error) {
    return [{ topic: "connections", verdict: "failed", text: `its settings could not be read. ${textOf(error)}` }];
  } finally {
    await backend.close();
  }
}

/** Where the broker cannot be reached, that has been said, and nobody can be asked. */
async function working(app: App, core: AppCore, named: boolean): Promise<readonly Check[]> {
  const backend = await core.connect().catch(() => undefined);
  if (backend === undefined) return [];
  try {
    return await workerChecks({ app, core, backend, named });
  } catch (error) {
    // A server that is full takes no question either.
    return [{ topic: "workers", verdict: "failed", text: `they could not be asked. ${textOf(error)}` }];
  }
}

function textOf(error: unknown): string {
  return error instanceof CeleriacError ? `${error.code}: ${error.message}` : String(error);
}
