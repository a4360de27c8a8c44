/** Queues as the broker has them, with their rates from the history; and the messages in one. */

import { checkQueueName } from "../../wire/name.ts";
import { maySee, type Viewer } from "../access/viewer.ts";
import type { MessagePage, MessageRow, QueueList, QueueRow, RawMessage } from "../contract.ts";
import { forbidden, notFound } from "../http/failure.ts";
import type { Visit } from "../http/route.ts";
import type { Inside } from "../inside.ts";
import type { Held, QueueState } from "../../port/queue-admin.ts";
import { outlineOf, rawMessage, type Rules } from "./texts.ts";

export async function queueList({ inside, viewer, query }: Visit): Promise<QueueList> {
  const at = query.moment("at");
  if (at !== undefined) return visible(await inside.past.queues(at), viewer);
  return visible(await queuesNow(inside), viewer);
}

/** What the broker tells, beside what the history knows of the same queues. */
export async function queuesNow(inside: Inside): Promise<QueueList> {
  const backend = await inside.connect();
  const [kept, states] = await Promise.all([inside.past.queues(), backend.broker.queues.list()]);
  const known = new Map(kept.items.map((row) => [row.name, row]));
  const rows = new Map<string, QueueRow>(known);
  for (const state of states) rows.set(state.name, rowOf(state, known.get(state.name)));
  return { ...kept, items: [...rows.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

export async function messages({ inside, viewer, params, query }: Visit): Promise<MessagePage> {
  const queue = params["name"] ?? "";
  checkSeen(viewer, queue);
  checkQueueName(queue);
  const where = query.oneOf("where", ["ready", "delayed", "leased"]) ?? "ready";
  const limit = query.whole("limit", 1, 200) ?? 50;
  const { broker } = await inside.connect();
  const { items, next } = await broker.queues.browse(queue, where, query.cursor(), limit);
  const { redact } = inside.settings;
  return {
    queue,
    where,
    items: items.map((held) => messageRow(held, redact, inside.core.registry)),
    ...(next !== undefined && { next }),
  };
}

/** The exact message of a task: in its queue, or among the dead letters. Throws 404. */
export async function taskMessage({ inside, viewer, params, query }: Visit): Promise<RawMessage> {
  const id = params["id"] ?? "";
  const { redact } = inside.settings;
  const rules = inside.core.registry;
  const { broker } = await inside.connect();
  const row = (await inside.past.task(id))?.row;
  const queues = [query.name("queue") ?? row?.queue].filter((name) => name !== undefined);
  if (queues.length === 0) queues.push(...(await broker.queues.list()).map(({ name }) => name));
  for (const queue of queues.slice(0, 100)) {
    if (!maySee(viewer, queue)) continue;
    const held = await broker.queues.find(queue, id);
    if (held !== undefined) return rawMessage(held.raw, { where: held.state, queue }, redact, rules);
  }
  const letter = await inside.perform.letterOf(id);
  if (letter === undefined) throw notFound("No message of this task lies in a queue or among the dead letters.");
  checkSeen(viewer, letter.queue);
  return rawMessage(letter.raw, { where: "dead", queue: letter.queue }, redact, rules);
}

export function checkSeen(viewer: Viewer, queue: string | undefined): void {
  if (!maySee(viewer, queue)) throw forbidden(`The queue "${queue ?? "unknown"}" is not one of yours.`);
}

function visible(list: QueueList, viewer: Viewer): QueueList {
  return { ...list, items: list.items.filter(({ name }) => maySee(viewer, name)) };
}

function rowOf(state: QueueState, kept: QueueRow | undefined): QueueRow {
  const ready = state.ready.reduce((sum, { count }) => sum + count, 0);
  const rateIn = kept?.rateIn ?? 0;
  const rateOut = kept?.rateOut ?? 0;
  const oldest = state.oldest ?? kept?.oldest;
  return {
    name: state.name,
    ready,
    priorities: state.ready,
    running: kept?.running ?? state.leased ?? 0,
    rateIn,
    rateOut,
    depth: kept?.depth ?? [],
    paused: state.paused,
    source: "broker",
    ...(state.delayed !== undefined && { delayed: state.delayed }),
    ...(state.leased !== undefined && { leased: state.leased }),
    ...(state.consumers !== undefined && { consumers: state.consumers }),
    ...(oldest !== undefined && { oldest }),
    ...(ready > 0 && { drain: rateOut > rateIn ? Math.round((ready / (rateOut - rateIn)) * 1000) : null }),
    ...(kept?.wait !== undefined && { wait: kept.wait }),
    ...(kept?.run !== undefined && { run: kept.run }),
  };
}

function messageRow(held: Held, redact: Inside["settings"]["redact"], rules: Rules): MessageRow {
  const { key, since, due, leaseUntil, worker, raw } = held;
  return {
    key,
    since,
    size: raw.byteLength,
    ...outlineOf(raw, redact, rules),
    ...(due !== undefined && { due }),
    ...(leaseUntil !== undefined && { leaseUntil }),
    ...(worker !== undefined && { worker }),
  };
}
