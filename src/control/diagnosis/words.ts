/** What a fact is in words, and what to do about it. */

import type { Fact, Reason } from "../../app/reason.ts";

/** `now`, unix ms: lengths of time are told from it. */
export function reasonOf(fact: Fact, now: number): Reason {
  const remedy = remedyOf(fact);
  return { text: textOf(fact, now), ...(remedy !== undefined && { remedy }), ...fact };
}

function textOf(fact: Fact, now: number): string {
  switch (fact.kind) {
    case "queue-paused":
      return `the queue "${fact.queue}" is paused`;
    case "no-worker":
      return `no worker takes from the queue "${fact.queue}"`;
    case "no-worker-for-task":
      return `of the workers on "${fact.queue}" (${names(fact.workers)}) none knows the task "${fact.task}"`;
    case "workers-offline":
      return `the workers of "${fact.queue}" are silent: ${names(fact.workers)}`;
    case "workers-busy": {
      const oldest = fact.oldest && `; ${fact.oldest.id} has run for ${span(now - fact.oldest.since)}`;
      return `all ${String(fact.slots)} places of the workers on "${fact.queue}" are taken${oldest ?? ""}`;
    }
    case "rate-limited":
      return `its task may begin ${fact.limit}${fact.until === undefined ? "" : `, and it is its turn ${when(fact.until, now)}`}`;
    case "concurrency-limited": {
      const line = fact.waiting > 1 ? `; ${String(fact.waiting)} stand in line` : "";
      return `it waits for a place of ${fact.key}, held by ${names(fact.holders)}${line}`;
    }
    case "delayed":
      return `it is not to run before ${when(fact.until, now)}`;
    case "waits-for-calls":
      switch (fact.by) {
        case "debounce":
          return `debounce: it begins ${when(fact.until, now)} unless another call with the key "${fact.key}" comes before`;
        case "throttle":
          return `throttle: another call with the key "${fact.key}" has this period; it begins ${when(fact.until, now)}`;
        default:
          return `${fact.by}: it waits for the run before it, which has the key "${fact.key}"`;
      }
    case "retry-wait": {
      const error = fact.error === undefined ? "" : ` after ${fact.error}`;
      return `attempt ${String(fact.attempt)} comes ${when(fact.until, now)}${error}`;
    }
    case "running":
      return `it runs on ${fact.worker}${fact.since === undefined ? "" : ` for ${span(now - fact.since)}`}`;
    case "leased":
      return fact.alive
        ? `${fact.worker} has it`
        : `${fact.worker} has it and is silent; unless it speaks, others get it ${when(fact.until, now)}`;
    case "claimed":
      return `${fact.worker} has it, and it waits there for a place${fact.before === 0 ? "" : ` with ${String(fact.before)} others`}`;
    case "behind":
      return `${String(fact.ahead)} messages come before it in "${fact.queue}"${fact.key === undefined ? "" : `, where keys take turns and it is one of "${fact.key}"`}`;
    case "waits-for":
      return `it waits for ${names(fact.ids)}${states(fact.states)}`;
    case "waits-for-group": {
      const failed = fact.failed?.length
        ? `, ${String(fact.failed.length)} of them without success: ${names(fact.failed)}`
        : "";
      return `it waits for a chord: ${String(fact.arrived)} of ${String(fact.size)} members have arrived${failed}`;
    }
    case "crash-suspect":
      return `its process died ${String(fact.crashes)} times while it ran, so it runs alone`;
    case "revoked":
      return `it is revoked by ${fact.by === "id" ? "its id" : "one of its stamps"}${fact.at === undefined ? "" : ` since ${moment(fact.at)}`}`;
    case "expired":
      return `it has expired ${moment(fact.at)}`;
    case "ended": {
      const error = fact.error === undefined ? "" : `: ${fact.error}`;
      return `it has ${fact.state}${fact.at === undefined ? "" : ` at ${moment(fact.at)}`}${error}`;
    }
    case "dead":
      return `it lies among the dead letters since ${moment(fact.at)} (${fact.reason}): ${fact.detail}`;
    case "schedule-paused":
      return `the schedule "${fact.schedule}" is paused, so it sends nothing`;
    case "not-found":
      return `nobody knows this id; looked into: ${names(fact.looked)}`;
    default:
      return fact satisfies never;
  }
}

function remedyOf(fact: Fact): string | undefined {
  switch (fact.kind) {
    case "queue-paused":
      return `app.queues.resume(${JSON.stringify(fact.queue)})`;
    case "no-worker":
      return `start a worker that takes it: celeriac worker --queues ${fact.queue}`;
    case "no-worker-for-task":
      return "deploy the task to them, or send it to the queue of those that have it";
    case "workers-offline":
      return "look whether they run, and whether they reach the broker";
    case "workers-busy":
      return "start more workers, or raise their concurrency";
    case "rate-limited":
      return "raise the rate of the task";
    case "concurrency-limited":
      return "let those that run end, or raise the concurrency of the task";
    case "leased":
      return fact.alive ? undefined : "look whether the worker runs; if it is gone, nothing is to be done";
    case "behind":
      return "start more workers, or send it with a priority that comes first";
    case "expired":
      return "send it again, with a later `expires`";
    case "dead":
      return "put the cause right, then: celeriac dlq redrive";
    case "schedule-paused":
      return `app.schedules.resume(${JSON.stringify(fact.schedule)})`;
    case "not-found":
      return "look whether id and broker are right: a task that ended is forgotten after its result's time";
    default:
      return undefined;
  }
}

function states(counts: Extract<Fact, { kind: "waits-for" }>["states"]): string {
  const said = Object.entries(counts).map(([state, count]) => `${String(count)} ${state}`);
  return said.length === 0 ? "" : ` (${said.join(", ")})`;
}

function names(all: readonly string[]): string {
  const shown = all.slice(0, 5).join(", ");
  return all.length > 5 ? `${shown} and ${String(all.length - 5)} more` : shown;
}

function moment(at: number): string {
  return new Date(at).toISOString();
}

function when(at: number, now: number): string {
  return at <= now ? "now" : `${moment(at)} (in ${span(at - now)})`;
}

function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${String(s)} s`;
  if (s < 7_200) return `${String(Math.round(s / 60))} min`;
  return s < 172_800 ? `${String(Math.round(s / 3_600))} h` : `${String(Math.round(s / 86_400))} d`;
}
