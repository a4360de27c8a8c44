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
}

export interface Session {
  readonly app: App;
  readonly core: AppCore;
  readonly backend: Backend;
  /** True if the tasks of the app are known, false for a bare URL. */
  readonly named: boolean;
}

/** The app that a command line means. Throws a usage error if it names none, or two. */
export async function targetApp({ app, broker }: Target): Promise<{ readonly app: App; readonly named: boolean }> {
  if (app !== undefined && broker !== undefined) {
    throw new UsageError(
      "Name the app with -A or the broker with --broker, not both: the app says where its broker is.",
    );
  }
  if (app !== undefined) return { app: await loadAppFile(app), named: true };
  const url = broker ?? process.env["CELERIAC_BROKER"];
  if (url === undefined || url === "") {
    throw new UsageError("Name the app with -A ./app.ts, or the broker with --broker URL or CELERIAC_BROKER.");
  }
  return { app: createApp({ name: "celeriac-cli", broker: url }), named: false };
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
