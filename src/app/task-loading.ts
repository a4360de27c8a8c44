/** Calls `tasks()` of an app and waits until all that it imports has declared its tasks. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { AppOptions } from "./config.ts";

/** Rejects with APP_LOAD_FAILED, or with the coded error that a declaration threw. */
export async function loadTasks(app: string, load: AppOptions["tasks"]): Promise<void> {
  try {
    const modules = await load?.();
    if (typeof modules === "object" && modules !== null && Symbol.iterator in modules) {
      await Promise.all(modules as Iterable<unknown>);
    }
  } catch (error) {
    if (error instanceof CeleriacError) throw error;
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new CeleriacError(
      "APP_LOAD_FAILED",
      `The task modules of app "${app}" could not be loaded: ${text}. Run each with \`node\` to see where.`,
      { cause: error },
    );
  }
}
