/** Why a worker of an app without tasks does not start. */

import { CeleriacError } from "../error/celeriac-error.ts";

export function noTasks(app: string): CeleriacError {
  return new CeleriacError(
    "NO_TASKS",
    `The app "${app}" declares no task, so a worker would only put messages back. ` +
      'Name the modules that declare them: createApp({ tasks: () => [import("./tasks.ts")] }).',
    { details: { app } },
  );
}
