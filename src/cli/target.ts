/** Which broker a command speaks to: the app of a file, or a bare URL. Opens it for one piece of work and closes it whatever happens. */

import { type App, coreOf, createApp } from "../app/app.ts";
import type { AppCore } from "../app/core.ts";
import type { Backend } from "../port/backend.ts";
import { loadAppFile } from "./app-file.ts";
import { UsageError } from "./failure.ts";

export interface Target {
  /** `-A`: a module, or `module#export`. */
  readonly app?: string;
  /** `--broker`: wins over CELERIAC_BROKER. */
  readonly broker?: string;
  /** `--results`: wins over CELERIAC_RESULTS. Not with `-A`. */
  readonly results?: string;
  /** `--schedules`: wins over CELERIAC_SCHEDULES. Not with `-A`. */
  readonly schedules?: string;
}

export interface Session {
  readonly app: App;
  readonly core: AppCore;
  readonly backend: Backend;
  /** True if the tasks of the app are known, false for a bare URL. */
  readonly named: boolean;
}

/** The app that a command line means. Throws a usage error if it names none, or two. */
export async function targetApp({
  app,
  broker,
  results,
  schedules,
}: Target): Promise<{ readonly app: App; readonly named: boolean }> {
  if (app !== undefined && broker !== undefined) {
    throw new UsageError(
      "Name the app with -A or the broker with --broker, not both: the app says where its broker is.",
    );
  }
  if (app !== undefined && results !== undefined) {
    throw new UsageError("--results goes with --broker; the app of -A says where its results are.");
  }
  if (app !== undefined && schedules !== undefined) {
    throw new UsageError("--schedules goes with --broker; the app of -A says where its schedules are.");
  }
  if (app !== undefined) return { app: await loadAppFile(app), named: true };
  const url = said(broker, "CELERIAC_BROKER");
  if (url === undefined) {
    throw new UsageError("Name the app with -A ./app.ts, or the broker with --broker URL or CELERIAC_BROKER.");
  }
  const place = said(results, "CELERIAC_RESULTS");
  const kept = said(schedules, "CELERIAC_SCHEDULES");
  return {
    app: createApp({
      name: "celeriac-cli",
      broker: url,
      ...(place !== undefined && { results: place }),
      ...(kept !== undefined && { schedules: kept }),
    }),
    named: false,
  };
}

/** An option, or the environment variable that stands for it; an empty one is none. */
function said(option: string | undefined, variable: string): string | undefined {
  const value = option ?? process.env[variable];
  return value === "" ? undefined : value;
}

export async function inSession<T>(target: Target, use: (session: Session) => Promise<T>): Promise<T> {
  const { app, named } = await targetApp(target);
  try {
    const core = coreOf(app);
    return await use({ app, core, backend: await core.connect(), named });
  } finally {
    await app.close();
  }
}
