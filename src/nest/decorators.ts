/**
 * What Nest's classes say: this method is a task, this parameter is a task's handle, or the background work of a request. Decorators as
 * TypeScript had them first, which Nest needs too.
 */

import type { ExecutionContext, Type } from "@nestjs/common";
import type { ResultOf } from "../app/declare.ts";
import type { Task } from "../app/task-handle.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { AnyTaskOptions } from "../task/options.ts";
import type { BackgroundTasks } from "../web/background.ts";
import { common } from "./peer.ts";

const mark: unique symbol = Symbol.for("celeriac.nest.task");

/** What a method was marked with. */
export interface Marked {
  readonly name: string;
  readonly options: AnyTaskOptions;
}

/**
 * The app that `CeleriacModule` was given: `@Inject(CELERIAC_APP) app: App`.
 *
 * @example
 * ```ts
 * import { Inject, Injectable } from "@nestjs/common";
 * import type { App } from "celeriac";
 * import { CELERIAC_APP } from "celeriac/nest";
 *
 * class Queues {
 *   readonly #app: App;
 *   constructor(app: App) {
 *     this.#app = app;
 *   }
 *   list() {
 *     return this.#app.queues.list();
 *   }
 * }
 * Injectable()(Queues);
 * Inject(CELERIAC_APP)(Queues, undefined, 0); // written @Inject(CELERIAC_APP) before the parameter
 * ```
 */
export const CELERIAC_APP: unique symbol = Symbol.for("celeriac.nest.app");

/** The handle of the task that a method of `T` is: `TaskOf<Images, "resize">`. */
export type TaskOf<T, K extends keyof T> = T[K] extends (...args: infer A) => infer R
  ? Task<InputOf<A>, ResultOf<R>>
  : never;
type InputOf<A> = A extends readonly [] ? void : A extends readonly [infer I, ...unknown[]] ? I : void;

/**
 * The method handles this task: `(input, context)`, as the handler of `app.task` does. Its class is named in `CeleriacModule.forFeature`.
 *
 * @example
 * ```ts
 * import { TaskHandler } from "celeriac/nest";
 * class Images {
 *   async resize(image: { file: string; width: number }) { return image.width; }
 * }
 * TaskHandler("image.resize", { queue: "images" })(Images.prototype, "resize"); // written @TaskHandler(…) above the method
 * ```
 */
export function TaskHandler(
  name: string,
  options: AnyTaskOptions = {},
): (prototype: object, method: string | symbol) => void {
  return (prototype, method) => {
    const handler = (prototype as Readonly<Record<string | symbol, unknown>>)[method];
    if (typeof handler !== "function")
      throw new CeleriacError(
        "CONFIG_INVALID",
        `@TaskHandler("${name}") belongs above a method; "${String(method)}" is none.`,
      );
    const own = prototype as { [mark]?: Map<string | symbol, Marked> };
    // A class's own: what it is derived from keeps its marks.
    if (!Object.hasOwn(prototype, mark)) Object.defineProperty(prototype, mark, { value: new Map() });
    own[mark]?.set(method, { name, options });
  };
}

/**
 * Injects the handle of a task: by the class and method that handle it, or by name. Its class is named in `forFeature` of an imported module.
 *
 * @example
 * ```ts
 * import { Injectable } from "@nestjs/common";
 * import { InjectTask, TaskHandler, type TaskOf } from "celeriac/nest";
 *
 * class Images {
 *   @TaskHandler("image.resize")
 *   async resize(image: { file: string; width: number }) { return image.width; }
 * }
 *
 * @Injectable()
 * class Gallery {
 *   @InjectTask(Images, "resize") declare readonly resize: TaskOf<Images, "resize">;
 * }
 * ```
 */
export function InjectTask<T>(
  handler: string | Type<T>,
  method?: keyof T & string,
): PropertyDecorator & ParameterDecorator {
  if (typeof handler === "string") return common.Inject(taskToken(handler));
  const marked = markOf(handler, method ?? "");
  if (marked !== undefined) return common.Inject(taskToken(marked.name));
  throw new CeleriacError(
    "CONFIG_INVALID",
    `@InjectTask(${handler.name}, "${String(method)}"): no @TaskHandler stands above that method.`,
  );
}

/**
 * A parameter of a route's handler: what runs after its response.
 *
 * @example
 * ```ts
 * import { Controller, Post } from "@nestjs/common";
 * import { Background, type BackgroundTasks } from "celeriac/nest";
 *
 * @Controller("orders")
 * class OrderController {
 *   @Post()
 *   create(@Background() background: BackgroundTasks) {
 *     background.add(console.log, "ordered");
 *   }
 * }
 * ```
 */
export const Background: () => ParameterDecorator = common.createParamDecorator(
  (_: unknown, context: ExecutionContext): BackgroundTasks =>
    context.switchToHttp().getRequest<{ readonly background: BackgroundTasks }>().background,
);

/** Under which name Nest knows a task's handle; it stands in its message when no module has it. */
export function taskToken(name: string): string {
  return `the celeriac task "${name}"`;
}

/** The marked methods of a class, inherited ones too; the mark of the most derived class counts. */
export function markedMethods(type: Type): readonly (Marked & { readonly method: string })[] {
  const found = new Map<string, Marked & { readonly method: string }>();
  for (const marks of marksOf(type))
    for (const [method, marked] of marks)
      if (!found.has(String(method))) found.set(String(method), { ...marked, method: String(method) });
  return [...found.values()];
}

function markOf(type: Type, method: string): Marked | undefined {
  for (const marks of marksOf(type)) if (marks.has(method)) return marks.get(method);
  return undefined;
}

function* marksOf(type: Type): Generator<ReadonlyMap<string | symbol, Marked>> {
  for (let at: unknown = type.prototype; typeof at === "object" && at !== null; at = Object.getPrototypeOf(at))
    if (Object.hasOwn(at, mark)) yield (at as { readonly [mark]: ReadonlyMap<string | symbol, Marked> })[mark];
}
