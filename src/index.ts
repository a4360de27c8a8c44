/** The front door: every public name, listed by hand. What is not here may change without notice. */

export { createApp } from "./app/app.ts";
export type { App } from "./app/app.ts";
export type { AsyncResult, TaskSnapshot } from "./app/async-result.ts";
export type { BeatEvent, BeatEventType, BeatHandle, BeatOptions } from "./app/beat.ts";
export type { AppOptions } from "./app/config.ts";
export { redactUrl } from "./app/connect.ts";
export type {
  DeclareRemote,
  DeclareTask,
  BatchTaskOptions,
  FunctionTaskOptions,
  RawTaskOptions,
  ResultOf,
  SchemaTaskOptions,
} from "./app/declare.ts";
export type {
  EventBatch,
  EventListener,
  EventsOptions,
  EventStream,
  EventSubscription,
  ListenEvents,
} from "./app/events.ts";
export { GroupFailedError } from "./app/group-failure.ts";
export type { CompletedMember, GroupProgress, GroupResult } from "./app/group-result.ts";
export type { Progress, TaskDetails, TaskState } from "./app/outcome-reading.ts";
export type { GraphNode, GraphOptions, ResultGraph } from "./app/result-graph.ts";
export type { Explanation, Reason } from "./app/reason.ts";
export type { RevokeOptions, StampValues } from "./app/revoking.ts";
export type { DeclareSchedule, ScheduleOptions, SchedulePolicy, SchedulePolicyOptions } from "./app/schedule-book.ts";
export type { ScheduleChanges, ScheduleEntry, Schedules, ScheduleTick } from "./app/schedules.ts";
export type { SigningOptions } from "./app/signing.ts";
export type { StructuredLogger } from "./app/structured-log.ts";
export { TaskFailedError, TaskRevokedError } from "./app/task-failure.ts";
export type { EnqueueManyOptions, EnqueueOptions, Link, RemoteTask, Task } from "./app/task-handle.ts";
export type { EnqueueWithin, Within } from "./app/within.ts";
export type { WorkerEvent, WorkerEventType, WorkerHandle, WorkerStats, WorkOptions } from "./app/work.ts";
export { cron } from "./beat/cron.ts";
export type { CronFields, CronOptions } from "./beat/cron.ts";
export { every } from "./beat/every.ts";
export type { EveryOptions } from "./beat/every.ts";
export { solar } from "./beat/solar.ts";
export type { Place } from "./beat/solar.ts";
export type { WorkflowOptions } from "./app/workflow.ts";
export { chain } from "./canvas/chain.ts";
export type { Chain, GroupChain } from "./canvas/chain.ts";
export { chord } from "./canvas/chord.ts";
export type { Chord, GroupChord } from "./canvas/chord.ts";
export { group } from "./canvas/group.ts";
export type { Group } from "./canvas/group.ts";
export { signatureOf } from "./canvas/rebuild.ts";
export { systemClock } from "./clock/clock.ts";
export type { Clock } from "./clock/clock.ts";
export { CeleriacError } from "./error/celeriac-error.ts";
export type { ErrorCode } from "./error/error-codes.ts";
export type { DeadLetter, DeadLetters, Held, Page, QueueAdmin, QueueState, RequeueTo } from "./port/queue-admin.ts";
export type { SqliteConnection, SqliteStatement } from "./port/within.ts";
export type { Logger, RetryOptions, TaskContext, TaskRequest } from "./task/context.ts";
export { Ignore, RemoteError, TaskError } from "./task/control-flow.ts";
export { durationMs } from "./task/duration.ts";
export type { Duration } from "./task/duration.ts";
export type { CallArguments } from "./task/input.ts";
export type { Jsonify } from "./task/jsonify.ts";
export type { BatchContext, BatchOptions, Outcome } from "./task/batch.ts";
export type { CallKey, DebounceOptions, ThrottleOptions, UniqueOptions } from "./task/calls.ts";
export type { TaskOptions } from "./task/options.ts";
export type { ConcurrencyOptions } from "./task/concurrency.ts";
export type { Rate, RateOptions } from "./task/rate.ts";
export type { Redact } from "./task/redact.ts";
export { backoff } from "./task/retry.ts";
export type { Backoff, RetryOption } from "./task/retry.ts";
export { freeze } from "./task/registry.ts";
export type { DstPolicy, Schedule, ScheduleSpec, SolarEvent } from "./task/schedule.ts";
export type { StandardSchema } from "./task/schema.ts";
export { Signature } from "./task/signature.ts";
export type { Telemetry } from "./task/telemetry.ts";
export type { AnySignature, SignatureOptions, Stamps } from "./task/signature.ts";
export type { CeleryEvent } from "./wire/event.ts";
export type { ResultTuple } from "./wire/outcome.ts";
export { Secret } from "./wire/secret.ts";
export { Decimal, PlainDate, PlainTime, Uuid } from "./wire/tagged.ts";
