/**
 * Nest's module: `forRoot` once, for the app, its routes, its dashboard and a worker; `forFeature` for the classes that handle tasks. It
 * starts with the application and ends with it: streams, the last response, background work, the worker, and last the app, if that is asked.
 */

import type {
  BeforeApplicationShutdown,
  DynamicModule,
  FactoryProvider,
  ModuleMetadata,
  NestModule,
  OnApplicationBootstrap,
  OnApplicationShutdown,
  Provider,
  Type,
} from "@nestjs/common";
import type { HttpAdapterHost } from "@nestjs/core";
import type { Request } from "express";
import type { App } from "../app/app.ts";
import type { WorkerHandle, WorkOptions } from "../app/work.ts";
import type { TasksOptions } from "../web/task-service.ts";
import { CELERIAC_APP } from "./decorators.ts";
import { handleProviders, hasHandlers } from "./handlers.ts";
import { CeleriacHealth } from "./health.ts";
import { type DashboardMount, Mount } from "./mount.ts";
import { common, core } from "./peer.ts";

/**
 * What `forRoot` takes: the options of `tasks` in every framework, and these.
 *
 * @example
 * ```ts
 * import { CeleriacModule, type CeleriacModuleOptions } from "celeriac/nest";
 * const options: CeleriacModuleOptions = { app, at: "/tasks", worker: { concurrency: 4 }, closeApp: true };
 * CeleriacModule.forRoot(options);
 * ```
 */
export interface CeleriacModuleOptions extends TasksOptions<Request> {
  /** Mount routes and `request.background`. Default true. */
  readonly http?: boolean;
  /** Mount the dashboard. Default: none. */
  readonly dashboard?: DashboardMount;
  /** Run a worker inside the web application, on its event loop unless its `pool` says otherwise. Default: none. */
  readonly worker?: WorkOptions;
  /** Close the app with the application. Default false: it is its owner's. */
  readonly closeApp?: boolean;
}

/**
 * `forRootAsync`: the options come from a factory, with what it needs.
 *
 * @example
 * ```ts
 * import { CeleriacModule } from "celeriac/nest";
 * class Settings {
 *   readonly at = "/tasks";
 * }
 * CeleriacModule.forRootAsync({ inject: [Settings], useFactory: ({ at }: Settings) => ({ app, at }) });
 * ```
 */
export interface CeleriacModuleAsyncOptions extends Pick<ModuleMetadata, "imports"> {
  readonly inject?: FactoryProvider["inject"];
  readonly useFactory: (...args: never[]) => CeleriacModuleOptions | Promise<CeleriacModuleOptions>;
}

const given: unique symbol = Symbol.for("celeriac.nest.options");

/**
 * The module of a Nest application: the app, its tasks, background work, and, if wanted, a worker, result routes and the dashboard.
 *
 * @example
 * ```ts
 * import { Module } from "@nestjs/common";
 * import { CeleriacModule, TaskHandler } from "celeriac/nest";
 *
 * class Images {
 *   @TaskHandler("image.resize", { queue: "images" })
 *   async resize(image: { file: string; width: number }) { return image.width; }
 * }
 *
 * @Module({ imports: [CeleriacModule.forRoot({ app, at: "/tasks" }), CeleriacModule.forFeature([Images])] })
 * class AppModule {}
 * ```
 */
export class CeleriacModule
  implements NestModule, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #options: CeleriacModuleOptions | undefined;
  readonly #host: HttpAdapterHost | undefined;
  #mount: Mount | undefined;
  #worker: WorkerHandle | undefined;

  /** Of `forFeature` it is made without options, and does nothing. */
  constructor(options?: CeleriacModuleOptions, host?: HttpAdapterHost) {
    this.#options = options;
    this.#host = host;
  }

  static forRoot(options: CeleriacModuleOptions): DynamicModule {
    return rootModule([{ provide: given, useValue: options }], []);
  }

  static forRootAsync({ imports = [], inject = [], useFactory }: CeleriacModuleAsyncOptions): DynamicModule {
    return rootModule([{ provide: given, useFactory, inject }], imports);
  }

  /** The classes become providers that find what they need in `imports`; their tasks can be injected where this is imported. */
  static forFeature(types: readonly Type[], imports: NonNullable<ModuleMetadata["imports"]> = []): DynamicModule {
    const handles = types.flatMap(handleProviders);
    const tokens = handles.map((handle) => (handle as FactoryProvider).provide);
    return { module: TaskModule, imports, providers: [...types, ...handles], exports: [...types, ...tokens] };
  }

  /** Called for an application that serves HTTP alone. */
  async configure(): Promise<void> {
    const adapter = this.#host?.httpAdapter;
    if (this.#options === undefined || this.#options.http === false || adapter === undefined) return;
    const { http: _http, dashboard, worker: _worker, closeApp: _close, ...options } = this.#options;
    this.#mount = new Mount(options);
    await this.#mount.into(adapter, dashboard);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#mount?.start();
    const { app, worker } = this.#options ?? {};
    // A context without a server is what a worker's own processes make: they are a worker, and start none.
    if (app === undefined || worker === undefined || this.#host?.httpAdapter === undefined) return;
    this.#worker = await app.work({ pool: "inline", ...worker });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#mount?.endStreams();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#mount?.drain();
    await this.#worker?.stop();
    if (this.#options?.closeApp === true) await this.#options.app.close();
  }
}

/** What `forFeature` is an instance of. */
class TaskModule {}

function rootModule(options: Provider[], imports: NonNullable<ModuleMetadata["imports"]>): DynamicModule {
  return {
    module: CeleriacModule,
    global: true,
    imports,
    providers: [
      ...options,
      { provide: CELERIAC_APP, useFactory: ({ app }: CeleriacModuleOptions) => app, inject: [given] },
      CeleriacHealth,
    ],
    exports: [CELERIAC_APP, CeleriacHealth],
  };
}

/**
 * For `createApp({ tasks })`: makes a context of the application, without a server, in the processes that only run tasks. Where the
 * application itself runs there is nothing to make.
 *
 * @example
 * ```ts
 * import { type App, createApp } from "celeriac";
 * import { nestTasks } from "celeriac/nest";
 * export const app: App = createApp({
 *   name: "shop",
 *   tasks: nestTasks(() => app, async () => (await import("./app.module.js")).AppModule),
 * });
 * ```
 */
export function nestTasks(app: () => App, load: () => Promise<Type>): () => Promise<void> {
  return async () => {
    if (hasHandlers(app())) return;
    await core.NestFactory.createApplicationContext(await load(), { logger: ["error", "warn"] });
  };
}

common.Module({})(CeleriacModule);
common.Module({})(TaskModule);
for (const [index, token] of [given, core.HttpAdapterHost].entries()) {
  common.Inject(token)(CeleriacModule, undefined, index);
  common.Optional()(CeleriacModule, undefined, index);
}
