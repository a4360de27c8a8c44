/** What is done to workers, ours and Python's: Celery's commands, and what each of them answered. */

import { ask } from "../../control/ask.ts";
import { readTaskLimit, type TaskLimit, taskLimitFact, taskLimitKind } from "../../control/facts.ts";
import type { ControlState } from "../../port/control-state.ts";
import type { ActionRequest } from "../contract.ts";
import type { Inside } from "../inside.ts";
import { type Outcome, Outcomes } from "./outcome.ts";

type WorkerAction = Extract<ActionRequest, { readonly worker: string }>;
type LimitAction = Extract<ActionRequest, { readonly do: "limit.rate" | "limit.time" }>;

/** Silence after which nobody else answers, and the longest wait for all of them, ms. */
const patience = 1_500;
const longest = 2_000;
/** Who shuts down says nothing, so there is little to wait for, ms. */
const parting = 200;
const mostTries = 5;
const noLimit: TaskLimit = { rate: null, soft: null, hard: null };

export interface Command {
  readonly method: string;
  readonly named: Readonly<Record<string, unknown>>;
}

export async function commandWorker(inside: Inside, request: WorkerAction): Promise<Outcome> {
  const command = commandOf(request);
  const silent = command.method === "shutdown";
  const outcome = await tell(inside, command, [request.worker], silent ? parting : patience);
  return silent && outcome.failed === 0 && outcome.done === 0 ? { ...outcome, done: 1 } : outcome;
}

/** Said to all, and kept, so that workers to come obey it as well; said to one, it is that one's until it ends. */
export async function setLimit(inside: Inside, request: LimitAction): Promise<Outcome> {
  const { task, worker } = request;
  const command: Command =
    request.do === "limit.rate"
      ? { method: "rate_limit", named: { task_name: task, rate_limit: request.rate } }
      : { method: "time_limit", named: { task_name: task, soft: request.soft ?? null, hard: request.hard ?? null } };
  const outcome = await tell(inside, command, worker === undefined ? undefined : [worker], patience);
  const { control } = await inside.connect();
  if (worker !== undefined || control === undefined) return outcome;
  await keepLimit(control, task, (limit) =>
    request.do === "limit.rate"
      ? { ...limit, rate: request.rate }
      : { ...limit, soft: millis(request.soft), hard: millis(request.hard) },
  );
  return { ...outcome, done: Math.max(1, outcome.done) };
}

/** Rejects with the driver's coded error. Whoever answers with no `ok` has failed. */
export async function tell(
  inside: Inside,
  { method, named }: Command,
  destination: readonly string[] | undefined,
  timeout: number,
): Promise<Outcome> {
  const { bus } = await inside.connect();
  // Nobody is waited for but those that are known to be there.
  const present = inside.cluster.alive(inside.clock.now()).length;
  const limit = destination === undefined && present > 0 ? present : undefined;
  const question = { method, arguments: named, destination, timeout, inAll: longest, limit };
  const answers = await ask(bus, question, inside.clock, AbortSignal.timeout(30_000));
  const outcomes = new Outcomes();
  const replies: Record<string, { readonly ok?: string; readonly error?: string }> = {};
  for (const [node, answer] of answers) {
    const { ok, error } = replyOf(answer);
    replies[node] = { ...(ok !== undefined && { ok }), ...(error !== undefined && { error }) };
    if (error === undefined) outcomes.done();
    else outcomes.fail(node, "WORKER_REFUSED", error);
  }
  for (const node of destination ?? []) {
    if (!answers.has(node) && method !== "shutdown")
      outcomes.fail(node, "NO_ANSWER", "The worker did not answer. It may be busy, or gone.");
  }
  return { ...outcomes.result, replies: Object.fromEntries(Object.entries(replies).slice(0, 200)) };
}

function commandOf(request: WorkerAction): Command {
  switch (request.do) {
    case "worker.grow":
      return { method: "pool_grow", named: { n: request.by } };
    case "worker.shrink":
      return { method: "pool_shrink", named: { n: request.by } };
    case "worker.autoscale":
      return { method: "autoscale", named: { max: request.max, min: request.min } };
    case "worker.restart-pool":
      return { method: "pool_restart", named: { reload: false } };
    case "worker.shutdown":
      return { method: "shutdown", named: {} };
    case "worker.add-consumer":
      return { method: "add_consumer", named: { queue: request.queue } };
    case "worker.cancel-consumer":
      return { method: "cancel_consumer", named: { queue: request.queue } };
  }
}

function replyOf(answer: unknown): { readonly ok?: string | undefined; readonly error?: string | undefined } {
  if (typeof answer !== "object" || answer === null) return { ok: String(answer) };
  const { ok, error } = answer as Readonly<Record<string, unknown>>;
  if (error !== undefined) return { error: shown(error) };
  return { ok: shown(ok ?? answer) };
}

function shown(value: unknown): string {
  return (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 1_000);
}

/** Others, the workers that have just heard of it among them, may write the same fact in this moment. */
async function keepLimit(control: ControlState, task: string, changed: (limit: TaskLimit) => TaskLimit): Promise<void> {
  for (let tries = 0; tries < mostTries; tries++) {
    const { changed: facts } = await control.changes(0);
    const before = facts.find(({ kind, key }) => kind === taskLimitKind && key === task)?.value ?? null;
    const wanted = taskLimitFact(task, changed(before === null ? noLimit : readTaskLimit(before)));
    if (wanted.value === before || (await control.replace(wanted, before))) return;
  }
}

function millis(seconds: number | undefined): number | null {
  return seconds === undefined || seconds === 0 ? null : seconds * 1000;
}
