/** `celeriac/nest`: the module, its decorators and its health indicator. */

export type { BackgroundTasks } from "../web/background.ts";
export { Background, CELERIAC_APP, InjectTask, TaskHandler } from "./decorators.ts";
export type { TaskOf } from "./decorators.ts";
export { CeleriacHealth } from "./health.ts";
export type { HealthResult } from "./health.ts";
export { CeleriacModule, nestTasks } from "./module.ts";
export type { CeleriacModuleAsyncOptions, CeleriacModuleOptions } from "./module.ts";
export type { DashboardMount } from "./mount.ts";
