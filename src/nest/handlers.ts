/**
 * Methods of providers as tasks of an app. The handler asks Nest for its provider when it runs, so providers of any scope will do; a second
 * application of one process (a test, a second context) takes the tasks over from the first.
 */

import type { Provider, Type } from "@nestjs/common";
import type { ModuleRef } from "@nestjs/core";
import { type App, coreOf } from "../app/app.ts";
import { declareTask } from "../app/declaring.ts";
import { TaskHandle } from "../app/task-handle.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { TaskContext } from "../task/context.ts";
import { CELERIAC_APP, markedMethods, type Marked, taskToken } from "./decorators.ts";
import { common, core } from "./peer.ts";

const place: unique symbol = Symbol.for("celeriac.nest.place");

/** Where the provider of a task is to be found. */
interface Place {
  readonly type: Type;
  module: ModuleRef;
}
interface NestHandler {
  (input: unknown, context: TaskContext): Promise<unknown>;
  readonly [place]: Place;
}

/** The handles of a class's tasks, as providers. Throws CONFIG_INVALID for a class that handles none. */
export function handleProviders(type: Type): Provider[] {
  const methods = markedMethods(type);
  if (methods.length === 0)
    throw new CeleriacError(
      "CONFIG_INVALID",
      `CeleriacModule.forFeature: ${type.name} handles no task. Put @TaskHandler("name") above a method of it.`,
    );
  return methods.map((marked) => ({
    provide: taskToken(marked.name),
    useFactory: (app: App, module: ModuleRef) => handleOf(app, type, marked, module),
    inject: [CELERIAC_APP, core.ModuleRef],
  }));
}

/** True once an application of this process has declared its tasks in the app. */
export function hasHandlers(app: App): boolean {
  return coreOf(app)
    .registry.list()
    .some(({ handler }) => handler !== undefined && place in handler);
}

function handleOf(
  app: App,
  type: Type,
  { name, options, method }: Marked & { method: string },
  module: ModuleRef,
): TaskHandle {
  const inside = coreOf(app);
  const former = inside.registry.get(name);
  const before = (former?.handler as Partial<NestHandler> | undefined)?.[place];
  if (former !== undefined && before?.type === type) {
    before.module = module;
    return new TaskHandle(former, inside);
  }
  const where: Place = { type, module };
  const handler = async (input: unknown, context: TaskContext): Promise<unknown> => {
    const provider = await providerOf(where);
    return (provider as Record<string, (input: unknown, context: TaskContext) => unknown>)[method]?.(input, context);
  };
  return declareTask(inside, name, [options, Object.assign(handler, { [place]: where })]);
}

/** One for all runs, or one for each where the provider or what it needs is not shared. */
async function providerOf({ type, module }: Place): Promise<unknown> {
  return module.introspect(type).scope === common.Scope.DEFAULT
    ? (module.get(type) as unknown)
    : ((await module.resolve(type)) as unknown);
}
