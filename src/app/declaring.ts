/** What `app.task` and `app.remote` do: check a declaration, keep it, and give its handle. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { AnyHandler } from "../task/definition.ts";
import { type AnyTaskOptions, defineTask } from "../task/options.ts";
import type { AppCore } from "./core.ts";
import { RemoteHandle, TaskHandle } from "./task-handle.ts";

export function declareTask(core: AppCore, name: string, rest: readonly unknown[]): TaskHandle {
  const [options, handler] = rest.length > 1 ? rest : [{}, rest[0]];
  if (typeof handler !== "function" || typeof options !== "object" || options === null) {
    throw new CeleriacError(
      "CONFIG_INVALID",
      `app.task("${name}", …): give (name, handler) or (name, options, handler). For a task without a handler here, use app.remote.`,
    );
  }
  const definition = defineTask(name, options as AnyTaskOptions, handler as AnyHandler, core.config.defaultQueue);
  core.declare(definition);
  return new TaskHandle(definition, core);
}

export function declareRemote(core: AppCore, name: string, options: AnyTaskOptions): RemoteHandle {
  const definition = defineTask(name, options, undefined, core.config.defaultQueue);
  core.declare(definition);
  return new RemoteHandle(definition, core);
}
