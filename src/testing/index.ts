/** `celeriac/testing`: what tests of an app import. Nothing here is loaded by the package itself. */

export type { Crash, CrashOptions, CrashPoint, CrashStep } from "./crash-point.ts";
export type { SentCall } from "./sent-calls.ts";
export type { CallsOf, EndedRun, EnqueuedOf, Fake, FakeTask, RunTask, TestApp, TestAppOptions } from "./test-app.ts";
export { testApp } from "./under-test.ts";
export { VirtualClock } from "./virtual-clock.ts";
