/** What `app.task` and `app.remote` do: check a declaration, keep it, and give its handle. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { type BatchHandler, gathering } from "../task/batch.ts";
import type { AnyHandler } from "../task/definition.ts";
import { type AnyTaskOptions, defineTask } from "../task/options.ts";
import type { AppCore } from "./core.ts";
import { RemoteHandle } from "./remote-handle.ts";
import { TaskHandle } from "./task-handle.ts";

export function declareTask(core: AppCore, name: string, rest: readonly unknown[]): TaskHandle {
  const [options, handler] = rest.length > 1 ? rest : [{}, rest[0]];
  if (typeof handler !== "function" || typeof options !== "object" || options === null) {
    throw new CeleriacError(
      "CONFIG_INVALID",
      `app.task("${name}", …): give (name, handler) or (name, options, handler). For a task without a handler here, use app.remote.`,
    );
  }
  const declared = defineTask(name, options as AnyTaskOptions, handler as AnyHandler, core.config.defaultQueue);
  const { batch } = declared;
  const definition =
    batch === undefined
      ? declared
      : { ...declared, handler: gathering(name, handler as BatchHandler, batch, () => core.clock) };
  core.declare(definition);
  return new TaskHandle(definition, core);
}

export function declareRemote(core: AppCore, name: string, options: AnyTaskOptions): RemoteHandle {
  if (options.batch !== undefined)
    throw new CeleriacError("CONFIG_INVALID", `app.remote("${name}", …): batch is for tasks with a handler here.`);
  const definition = defineTask(name, options, undefined, core.config.defaultQueue);
  core.declare(definition);
  return new RemoteHandle(definition, core);
}
