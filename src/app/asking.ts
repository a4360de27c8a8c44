/**
 * Sending and reading from inside a pool child, which has no connection: the child packs a draft, the worker unpacks and sends it.
 * Both halves stand here, so they can't drift apart.
 */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { outsideOfTasks, type RunningTask, type TaskAsk } from "../task/running.ts";
import type { AppCore } from "./core.ts";
import { within } from "./deadline.ts";
import { type Draft, noDraft, packDraft, unpackDraft } from "./draft.ts";
import { unpackLaunch } from "./launch.ts";
import type { AskedOutcome } from "./result-reader.ts";
import type { Sent } from "./sent.ts";

type Ask = NonNullable<RunningTask["ask"]>;

/** The child's half: asks the worker to send. Rejects with the worker's refusal, PUBLISH_UNKNOWN at the deadline, or the signal's reason. */
export async function askToSend(
  ask: Ask,
  drafts: readonly Draft[],
  wait: { readonly clock: Clock; readonly timeout: number; readonly signal: AbortSignal | undefined },
): Promise<readonly Sent[]> {
  const batch = drafts.map((draft) => ({
    signature: { task: draft.task, id: draft.id },
    options: { draft: packDraft(draft) },
  }));
  return askAll(ask, batch, wait);
}

/** The same for what is packed already: drafts, or a launch. */
export async function askAll(
  ask: Ask,
  batch: readonly { readonly signature: { readonly id: string }; readonly options: object }[],
  wait: { readonly clock: Clock; readonly timeout: number; readonly signal: AbortSignal | undefined },
): Promise<readonly Sent[]> {
  const over = new AbortController();
  const signal = wait.signal === undefined ? over.signal : AbortSignal.any([wait.signal, over.signal]);
  const ids = batch.map(({ signature }) => signature.id);
  // The worker has the same deadline; a little more for the way there and back lets its own, better answer arrive first.
  wait.clock.sleep(wait.timeout + grace, over.signal).then(
    () => over.abort(unknown(ids, wait.timeout)),
    () => {},
  );
  try {
    return (await within(ask({ k: "send", batch }), signal)) as readonly Sent[];
  } finally {
    over.abort(new Error("answered"));
  }
}

const grace = 1_000;

/** The worker's half for `send` and `get`; the answer is plain JSON. Rejects as a send or a read of its own would. */
export function answerAsk(core: AppCore, what: Extract<TaskAsk, { readonly k: "send" | "get" }>): Promise<unknown> {
  // A thread's or an inline run's own context would send this back to where it came from.
  return outsideOfTasks(() => (what.k === "send" ? answerSend(core, what.batch) : answerGet(core, what.id)));
}

async function answerSend(
  core: AppCore,
  batch: Extract<TaskAsk, { readonly k: "send" }>["batch"],
): Promise<readonly Sent[]> {
  const [first] = batch;
  const launch: unknown = (first?.options as { readonly launch?: unknown } | undefined)?.launch;
  if (typeof launch === "string") return [await core.sendLaunch(unpackLaunch(launch))];
  return core.sendDrafts(batch.map((item) => draftIn(item.options)));
}

async function answerGet(core: AppCore, id: string): Promise<AskedOutcome | null> {
  const backend = await core.connect();
  const [outcome] = await backend.store.get([id]);
  return outcome === undefined ? null : { state: outcome.state, meta: new TextDecoder().decode(outcome.meta) };
}

function draftIn(options: object): Draft {
  const text: unknown = (options as { readonly draft?: unknown }).draft;
  if (typeof text === "string") return unpackDraft(text);
  throw noDraft();
}

function unknown(ids: readonly string[], timeout: number): CeleriacError {
  return new CeleriacError(
    "PUBLISH_UNKNOWN",
    `The worker did not say within ${timeout} ms whether the broker has ${ids.length === 1 ? `task ${ids[0]}` : `${ids.length} tasks`}. Repeating the call with the same id is safe.`,
    { details: { ids, timeout } },
  );
}

/** NOT_SUPPORTED, for what a child would need a connection for. */
export function noBrokerHere(): CeleriacError {
  return new CeleriacError(
    "NOT_SUPPORTED",
    "A child of a pool opens no broker: what its tasks send and read goes through the worker. Do this inside a running task, or outside of the pool.",
  );
}
