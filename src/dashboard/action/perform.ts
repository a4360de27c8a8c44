/**
 * Does what was asked for, once it is certain who asks, and writes it down before and after, refusals too. Nobody waits long: what takes
 * its time goes on, and the stream tells of its end.
 */

import type { DeadLetter } from "../../port/queue-admin.ts";
import { mayDo, maySee, type Viewer } from "../access/viewer.ts";
import type { ActionRequest, ActionResult } from "../contract.ts";
import { ApiError, apiErrorOf, badRequest, forbidden } from "../http/failure.ts";
import type { Inside } from "../inside.ts";
import { checkSeen } from "../page/queues.ts";
import { type Outcome, Outcomes } from "./outcome.ts";
import { putBackTasks } from "./requeue.ts";
import { chosenLetters, eachLetter } from "./selection.ts";
import { editAndRun, retryTasks, revokeTasks } from "./task-actions.ts";
import { commandWorker, setLimit } from "./worker-actions.ts";

/** Longer actions go on unwatched, ms. */
const patience = 5_000;
/** Actions at once; a person who clicks cannot make more. */
const mostRunning = 20;
const atOnce = 1_000;

export class Perform {
  readonly #inside: Inside;
  #running = 0;

  constructor(inside: Inside) {
    this.#inside = inside;
  }

  /** Throws FORBIDDEN, READ_ONLY, STALE_SELECTION, or the coded error of what failed as a whole. */
  async run(request: ActionRequest, viewer: Viewer, address: string | undefined): Promise<ActionResult> {
    const { audit, clock, hub } = this.#inside;
    const deed = { at: clock.now(), user: viewer.name, address, do: request.do, request: this.#redacted(request) };
    const refusal = this.#refusal(request, viewer);
    if (refusal !== undefined) {
      audit.begin(deed, `${refusal.code}: ${refusal.message}`);
      throw refusal;
    }
    const id = audit.begin(deed);
    this.#running++;
    const work = this.#do(request, viewer).finally(() => this.#running--);
    const over = Promise.withResolvers<"over">();
    using _timer = clock.after(patience, () => over.resolve("over"));
    const ended = work.then(
      (outcome) => {
        audit.end(id, outcome.done, outcome.failed);
        return outcome;
      },
      (error: unknown) => {
        const { code, message } = apiErrorOf(error);
        audit.end(id, 0, 0, `${code}: ${message}`);
        throw error;
      },
    );
    const first = await Promise.race([ended, over.promise]);
    if (first !== "over") return { audit: id, ...first, pending: false };
    ended.then(
      ({ done, failed }) => hub.tell({ type: "action", audit: id, done, failed, pending: false }),
      () => hub.tell({ type: "action", audit: id, done: 0, failed: 1, pending: false }),
    );
    return { audit: id, done: 0, failed: 0, failures: [], pending: true };
  }

  /** The letter of a task, by the task's id. */
  async letterOf(id: string): Promise<DeadLetter | undefined> {
    const { broker } = await this.#inside.connect();
    let found: DeadLetter | undefined;
    await eachLetter(broker.dead, {}, (letter) => {
      if (letter.id === id) found = letter;
      return found !== undefined;
    });
    return found;
  }

  #refusal(request: ActionRequest, viewer: Viewer): ApiError | undefined {
    if (this.#inside.settings.readOnly) return new ApiError(403, "READ_ONLY", "This dashboard changes nothing.");
    if (!mayDo(viewer, request.do)) return forbidden(`The role "${viewer.role}" does not allow ${request.do}.`);
    if ("queue" in request && request.queue !== undefined && !maySee(viewer, request.queue))
      return forbidden(`The queue "${request.queue}" is not one of yours.`);
    if (this.#running >= mostRunning)
      return new ApiError(429, "BUSY", "Too many actions are going on. Wait for one to end.");
    return undefined;
  }

  async #do(request: ActionRequest, viewer: Viewer): Promise<Outcome> {
    const inside = this.#inside;
    switch (request.do) {
      case "task.retry":
        return retryTasks(inside, viewer, request);
      case "task.cancel":
      case "task.revoke":
        return revokeTasks(inside, viewer, request);
      case "task.requeue":
        return putBackTasks(inside, viewer, request);
      case "task.edit-and-run":
        return editAndRun(inside, viewer, request);
      case "queue.pause":
      case "queue.resume":
      case "queue.purge":
        return this.#queue(request, viewer);
      case "worker.grow":
      case "worker.shrink":
      case "worker.autoscale":
      case "worker.restart-pool":
      case "worker.shutdown":
      case "worker.add-consumer":
      case "worker.cancel-consumer":
        return commandWorker(inside, request);
      case "limit.rate":
      case "limit.time":
        return setLimit(inside, request);
      case "schedule.pause":
      case "schedule.resume":
      case "schedule.run":
        return this.#schedule(request);
      case "dead.redrive":
      case "dead.drop":
        return this.#letters(request, viewer);
    }
  }

  async #queue(
    request: Extract<ActionRequest, { readonly do: "queue.pause" | "queue.resume" | "queue.purge" }>,
    viewer: Viewer,
  ): Promise<Outcome> {
    const { queue } = request;
    checkSeen(viewer, queue);
    const {
      broker: { queues },
    } = await this.#inside.connect();
    const outcomes = new Outcomes();
    if (request.do === "queue.purge") {
      if (request.typed !== queue) throw badRequest("The name that was typed is not the queue's.", "typed");
      outcomes.done(await queues.purge(queue, { ready: request.ready, delayed: request.delayed }));
    } else {
      await (request.do === "queue.pause" ? queues.pause(queue) : queues.resume(queue));
      outcomes.done();
    }
    return outcomes.result;
  }

  async #schedule(
    request: Extract<ActionRequest, { readonly do: "schedule.pause" | "schedule.resume" | "schedule.run" }>,
  ): Promise<Outcome> {
    const { schedules } = this.#inside.app;
    const outcomes = new Outcomes();
    outcomes.done();
    if (request.do === "schedule.run") return { ...outcomes.result, id: (await schedules.run(request.schedule)).id };
    await (request.do === "schedule.pause" ? schedules.pause(request.schedule) : schedules.resume(request.schedule));
    return outcomes.result;
  }

  async #letters(
    request: Extract<ActionRequest, { readonly do: "dead.redrive" | "dead.drop" }>,
    viewer: Viewer,
  ): Promise<Outcome> {
    const {
      broker: { dead },
    } = await this.#inside.connect();
    const outcomes = new Outcomes();
    const keys = await chosenLetters(dead, request.letters, viewer);
    for (let at = 0; at < keys.length; at += atOnce) {
      const some = keys.slice(at, at + atOnce);
      const done = await (request.do === "dead.redrive" ? dead.redrive(some) : dead.drop(some));
      outcomes.done(done);
      for (let lost = done; lost < some.length; lost++)
        outcomes.fail("", "DEAD_LETTER_UNKNOWN", "It lies there no more.");
    }
    return outcomes.result;
  }

  #redacted(request: ActionRequest): Readonly<Record<string, unknown>> {
    const { redact } = this.#inside.settings;
    if (request.do !== "task.edit-and-run") return { ...request };
    const cover = (text: string): string => redact(text, { kind: "request", task: request.task }).slice(0, 1_000);
    return { ...request, args: cover(request.args), kwargs: cover(request.kwargs) };
  }
}
