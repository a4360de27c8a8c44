/** `/metrics`, and the probes. What they tell are names and numbers: no arguments, no results. */

import { forbidden } from "../http/failure.ts";
import { jsonAnswer, textAnswer } from "../http/answer.ts";
import type { Visit } from "../http/route.ts";
import type { Inside } from "../inside.ts";
import { entriesOf, missedTick } from "../page/schedules.ts";
import { Metric } from "./registry.ts";

/** The broker is not asked more often, ms: some scrapers come every second. */
const fresh = 2_000;

/** A scrape shows the broker's figures of a moment ago. */
export class BrokerMetrics {
  #until = -Infinity;
  #text: Promise<string> | undefined;

  text(inside: Inside): Promise<string> {
    const now = inside.clock.monotonic();
    if (now >= this.#until || this.#text === undefined) {
      this.#until = now + fresh;
      this.#text = collect(inside).catch(() => "");
    }
    return this.#text;
  }
}

export async function metrics({ inside, viewer }: Visit): Promise<Response> {
  if (viewer.queues !== undefined && viewer.name !== "") throw forbidden("Metrics tell of all queues.");
  const { cluster, clock, figures, brokerFigures } = inside;
  const text = figures.text(cluster, clock.now()) + (await brokerFigures.text(inside)) + (await own(inside));
  return textAnswer(text, 200, "text/plain; version=0.0.4; charset=utf-8");
}

/** The process answers. */
export function health(): object {
  return { ok: true };
}

/** It can do its work: the broker answers, and what happens is kept. */
export async function readiness({ inside }: Visit): Promise<Response> {
  const broker = await inside.connect().then(
    () => true,
    () => false,
  );
  const history = (await inside.past.facts()).recording;
  return jsonAnswer({ ready: broker && history, broker, history }, broker && history ? 200 : 503);
}

async function collect(inside: Inside): Promise<string> {
  const { broker } = await inside.connect();
  const labels = ["queue"];
  const gauge = (name: string, help: string, names = labels): Metric => new Metric("gauge", name, help, names);
  const length = gauge("celery_queue_length", "The number of messages in the queue.", ["queue_name"]);
  const consumers = gauge("celery_active_consumer_count", "The number of active consumers.", ["queue_name"]);
  const workers = gauge("celery_active_worker_count", "The number of active workers.", ["queue_name"]);
  const slots = gauge("celery_active_process_count", "The number of active processes.", ["queue_name"]);
  const ready = gauge("celeriac_queue_ready", "Tasks that could run now.");
  const delayed = gauge("celeriac_queue_delayed", "Tasks whose time has not come.");
  const leased = gauge("celeriac_queue_leased", "Tasks in the hands of workers.");
  const oldest = gauge("celeriac_queue_oldest_seconds", "How long the oldest has waited.");
  const paused = gauge("celeriac_queue_paused", "1: nobody takes from it.");
  const missed = gauge("celeriac_schedule_missed", "1: a tick that should have been sent was not.", ["schedule"]);
  const alive = inside.cluster.alive(inside.clock.now());
  const now = inside.clock.now();
  for (const queue of await broker.queues.list()) {
    const { name } = queue;
    const count = queue.ready.reduce((sum, one) => sum + one.count, 0);
    length.set({ queue_name: name }, count);
    ready.set({ queue: name }, count);
    paused.set({ queue: name }, queue.paused ? 1 : 0);
    oldest.set({ queue: name }, queue.oldest === undefined ? 0 : Math.max(0, (now - queue.oldest) / 1000));
    if (queue.delayed !== undefined) delayed.set({ queue: name }, queue.delayed);
    if (queue.leased !== undefined) leased.set({ queue: name }, queue.leased);
    const on = alive.filter((worker) => worker.queues?.includes(name) === true);
    workers.set({ queue_name: name }, on.length);
    consumers.set({ queue_name: name }, queue.consumers ?? on.length);
    slots.set(
      { queue_name: name },
      on.reduce((sum, { concurrency = 0 }) => sum + concurrency, 0),
    );
  }
  for (const entry of await entriesOf(inside)) {
    missed.set({ schedule: entry.name }, missedTick(entry, now) === undefined ? 0 : 1);
  }
  const all = [length, consumers, workers, slots, ready, delayed, leased, oldest, paused, missed];
  return all.map((metric) => metric.text()).join("");
}

async function own({ hub, past, connected }: Inside): Promise<string> {
  const facts = await past.facts();
  const figures: readonly (readonly [string, string, number])[] = [
    ["celeriac_dashboard_streams", "Browsers that listen.", hub.size],
    ["celeriac_dashboard_broker_up", "1: the broker answered when it was asked last.", connected() ? 1 : 0],
    ["celeriac_history_recording", "1: what happens is kept.", facts.recording ? 1 : 0],
    ["celeriac_history_bytes", "Size of the history's file.", facts.bytes],
    ["celeriac_history_tasks", "Tasks that are kept.", facts.tasks],
  ];
  return figures
    .map(([name, help, value]) => {
      const metric = new Metric("gauge", name, help);
      metric.set({}, value);
      return metric.text();
    })
    .join("");
}
