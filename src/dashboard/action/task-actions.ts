/** What is done to tasks: again, not at all, or with another input. */

import { detailsOf } from "../../app/outcome-reading.ts";
import { revokedKind } from "../../control/facts.ts";
import type { Backend } from "../../port/backend.ts";
import type { TaskDefinition } from "../../task/definition.ts";
import { bindInput, isPlainObject, validateInput } from "../../task/input.ts";
import { withRedaction } from "../../task/redact.ts";
import { parseJson } from "../../wire/json.ts";
import { coveredText } from "../../wire/secret.ts";
import { makeTaskMessage } from "../../wire/task-message.ts";
import { maySee, type Viewer } from "../access/viewer.ts";
import type { ActionRequest, TaskDetail, TaskState } from "../contract.ts";
import { ApiError, badRequest } from "../http/failure.ts";
import type { Inside } from "../inside.ts";
import { checkSeen } from "../page/queues.ts";
import type { Call } from "../page/texts.ts";
import { revokeEvent } from "../revokes.ts";
import { readLiteral } from "./literal.ts";
import { type Outcome, Outcomes } from "./outcome.ts";
import { type Chosen, chosenTasks, eachLetter } from "./selection.ts";

type Of<K extends ActionRequest["do"]> = Extract<ActionRequest, { readonly do: K }>;

/** Revokes and redrives in one call. */
const atOnce = 1_000;
/** Workers look for changed facts once a second; by then all know, ms. */
const factsHeard = 1_250;
/** Workers make a fact of what a broadcast told them; before that it would come back, ms. */
const factsKept = 500;
const ended: ReadonlySet<TaskState | undefined> = new Set(["succeeded", "failed", "revoked", "dead"] as const);

export async function revokeTasks(
  inside: Inside,
  viewer: Viewer,
  request: Of<"task.revoke"> | Of<"task.cancel">,
): Promise<Outcome> {
  const outcomes = new Outcomes();
  const chosen = await chosenTasks(inside.past, request.tasks, viewer, outcomes);
  const open = chosen.filter(({ id, row }) => {
    if (!ended.has(row?.state)) return true;
    outcomes.fail(id, "TASK_ENDED", "It has ended.");
    return false;
  });
  const terminate = request.do === "task.cancel" || request.terminate === true;
  const signal = request.do === "task.revoke" && request.signal === "SIGKILL" ? "SIGKILL" : "SIGTERM";
  const kept = (await inside.connect()).control !== undefined;
  for (let at = 0; at < open.length; at += atOnce) {
    const ids = open.slice(at, at + atOnce).map(({ id }) => id);
    await inside.app.revoke(ids, { terminate, signal, reason: `by ${viewer.name}, from the dashboard` });
    // Where it is kept, it is heard of from there, as any other.
    if (!kept) inside.note(ids.flatMap((id) => revokeEvent(id, inside.clock.now())));
    outcomes.done(ids.length);
  }
  return outcomes.result;
}

/** The same id and input once more; its result and its revoke are removed first. Dead letters are redriven as they lie there. */
export async function retryTasks(inside: Inside, viewer: Viewer, request: Of<"task.retry">): Promise<Outcome> {
  const outcomes = new Outcomes();
  const backend = await inside.connect();
  const chosen = await chosenTasks(inside.past, request.tasks, viewer, outcomes);
  const rest = await redriveOf(backend, chosen, outcomes);
  await forgetRevokes(inside, backend, rest);
  for (const { id, row } of rest) {
    if (row === undefined) outcomes.fail(id, "NOT_FOUND", "Nothing is kept of a task with this id.");
    else if (!ended.has(row.state)) outcomes.fail(id, "TASK_OPEN", `It is ${row.state}: there is nothing to repeat.`);
    else {
      try {
        await sendAgain(inside, backend, id);
        outcomes.done();
      } catch (error) {
        outcomes.failWith(id, error);
      }
    }
  }
  return outcomes.result;
}

export async function editAndRun(inside: Inside, viewer: Viewer, request: Of<"task.edit-and-run">): Promise<Outcome> {
  const { core } = inside;
  const { task, delay } = request;
  const args = parsed(request.args, "args");
  const kwargs = parsed(request.kwargs, "kwargs");
  if (!Array.isArray(args)) throw badRequest("args must be a JSON list.", "args");
  if (!isPlainObject(kwargs)) throw badRequest("kwargs must be a JSON object.", "kwargs");
  if (hasCovered({ args: args as unknown[], kwargs })) throw coveredInput();
  const definition = (await core.load()).get(task);
  if (definition?.handler !== undefined) await checkInput(definition, args as unknown[], kwargs);
  const former = (await inside.past.task(request.id))?.row;
  if (former !== undefined && !maySee(viewer, former.queue)) checkSeen(viewer, former.queue);
  const queue = request.queue ?? former?.queue ?? definition?.queue ?? core.config.defaultQueue;
  checkSeen(viewer, queue);
  const call = { args: args as unknown[], kwargs };
  const headers = withRedaction(definition?.redact, call, undefined);
  const options = { queue, ...(delay !== undefined && { delay }), ...(headers && { headers }) };
  const [sent] = await core.send([{ task, ...call, options }]);
  return { ...new Outcomes().result, done: 1, ...(sent !== undefined && { id: sent.id }) };
}

/** Hands those that lie among the dead letters back, and gives the others. */
async function redriveOf(
  { broker }: Backend,
  chosen: readonly Chosen[],
  outcomes: Outcomes,
): Promise<readonly Chosen[]> {
  const dead = new Set(chosen.filter(({ row }) => row?.state === "dead" || row === undefined).map(({ id }) => id));
  const keys = new Map<string, string>();
  if (dead.size > 0) {
    await eachLetter(broker.dead, {}, ({ id, key }) => {
      if (id !== undefined && dead.has(id)) keys.set(id, key);
      return keys.size === dead.size;
    });
  }
  const all = [...keys.values()];
  for (let at = 0; at < all.length; at += atOnce) {
    outcomes.done(await broker.dead.redrive(all.slice(at, at + atOnce)));
  }
  return chosen.filter(({ id }) => !keys.has(id));
}

/** Python's workers remember revokes by themselves, for hours: there it ends as revoked again. */
async function forgetRevokes({ clock }: Inside, { control }: Backend, chosen: readonly Chosen[]): Promise<void> {
  const revoked = chosen.flatMap(({ row }) => (row?.state === "revoked" ? [row] : []));
  if (revoked.length === 0 || control === undefined) return;
  const ids = revoked.map(({ id }) => id);
  const newest = Math.max(...revoked.map(({ since }) => since));
  if (newest > clock.now() - factsKept) await clock.sleep(factsKept, AbortSignal.timeout(10 * factsKept));
  for (let at = 0; at < ids.length; at += atOnce) {
    await control.set(ids.slice(at, at + atOnce).map((key) => ({ kind: revokedKind, key, value: null })));
  }
  await clock.sleep(factsHeard, AbortSignal.timeout(10 * factsHeard));
}

async function sendAgain(inside: Inside, backend: Backend, id: string): Promise<void> {
  const detail = await inside.past.task(id);
  const [outcome] = await backend.store.get([id]);
  const kept = outcome === undefined ? undefined : detailsOf(outcome);
  const task = detail?.row.task ?? kept?.name;
  const call = kept?.args !== undefined ? { args: kept.args, kwargs: kept.kwargs ?? {} } : shownCall(detail);
  const queue =
    detail?.row.queue ?? kept?.queue ?? (task === undefined ? undefined : inside.core.registry.get(task)?.queue);
  if (call !== undefined && hasCovered(call)) throw coveredInput();
  if (task === undefined || call === undefined) {
    throw new ApiError(
      422,
      "INPUT_UNKNOWN",
      "Its input is not known in full: events carry the beginning of large ones alone. Edit and run it, or store extended results.",
    );
  }
  const message = makeTaskMessage({
    task,
    id,
    args: call.args,
    kwargs: call.kwargs,
    origin: "celeriac-dashboard",
    headers: withRedaction(inside.core.registry.get(task)?.redact, call, undefined),
    ...(detail?.root !== undefined && { rootId: detail.root }),
    ...(detail?.parent !== undefined && { parentId: detail.parent }),
  });
  await backend.store.forget([id]);
  const signal = AbortSignal.timeout(inside.core.config.publishTimeout);
  // No dedupe: it is the same id on purpose.
  const [answer] = await backend.broker.publish([{ queue: queue ?? inside.core.config.defaultQueue, message }], signal);
  if (answer?.kind === "refused") throw new ApiError(422, "UNROUTABLE", `The broker refused it: ${answer.detail}.`);
}

/** What is shown as redacted is not what was sent: sent on, it would be three stars. */
function hasCovered(call: Call): boolean {
  const covered = (value: unknown): boolean =>
    typeof value === "object" && value !== null ? Object.values(value).some(covered) : value === coveredText;
  return covered([call.args, call.kwargs]);
}

function coveredInput(): ApiError {
  return new ApiError(
    422,
    "INPUT_UNKNOWN",
    "Parts of its input are redacted, so it is not known here in full. Edit and run it with the real values; a dead letter is redriven as it lies there.",
  );
}

/** From the texts of its events, where they are whole. */
function shownCall(detail: Omit<TaskDetail, "actions"> | undefined): Call | undefined {
  const args = readInput(detail?.args);
  const kwargs = detail?.kwargs === undefined ? { value: {} } : readInput(detail.kwargs);
  if (!Array.isArray(args?.value) || !isPlainObject(kwargs?.value)) return undefined;
  return { args: args.value as unknown[], kwargs: kwargs.value };
}

function readInput(text: string | undefined): { readonly value: unknown } | undefined {
  return text === undefined ? undefined : readLiteral(text);
}

async function checkInput(
  definition: TaskDefinition,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): Promise<void> {
  try {
    await validateInput(definition, bindInput(definition, args, kwargs));
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error), "args");
  }
}

function parsed(text: string, field: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw badRequest(`${field} is no JSON: ${error instanceof Error ? error.message : String(error)}`, field);
  }
}
