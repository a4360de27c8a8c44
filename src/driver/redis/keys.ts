/**
 * Every key that this driver touches. Python sees the first group exactly as kombu and Celery write it, with the names and steps that
 * the URL gives them; the rest lies beside it.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import { checkQueueName } from "../../wire/name.ts";

/** What Python's transport options say of the first group, each with kombu's default. */
export interface Layout {
  readonly db: number;
  /** Of results; already ending as Celery would write it. */
  readonly resultPrefix: string;
  /** Between a queue's name and its priority step, and between the parts of a binding. */
  readonly separator: string;
  /** Ascending. */
  readonly prioritySteps: readonly number[];
  readonly unackedKey: string;
  readonly unackedIndexKey: string;
}

/** Queues whose names are remembered; with more of them all are looked at again. */
const mostGood = 1_000;

export class Keys {
  /** Ascending, which is the order in which they are served. */
  readonly steps: readonly number[];
  readonly unacked: string;
  readonly index: string;
  readonly #prefix: string;
  /** How all keys of the second group begin. */
  readonly ours: string;
  readonly #layout: Layout;
  readonly #suffixes: readonly string[];
  /** The step of what names no priority. */
  readonly #usual: number;
  /** Names that were found good: a sender has few, and looks at them with every message. */
  readonly #good = new Set<string>();

  constructor(prefix: string, layout: Layout) {
    this.steps = layout.prioritySteps;
    this.unacked = prefix + layout.unackedKey;
    this.index = prefix + layout.unackedIndexKey;
    this.#prefix = prefix;
    this.ours = `${prefix}celeriac:`;
    this.#layout = layout;
    this.#suffixes = this.steps.map((step) => this.#suffix(step));
    this.#usual = this.#stepAt(0);
  }

  /** Throws NAME_INVALID, also for what would be taken for another key of this layout. */
  checkQueue(queue: string): void {
    if (this.#good.has(queue)) return;
    checkQueueName(queue);
    const { separator, unackedKey, unackedIndexKey } = this.#layout;
    const what = queue.includes(separator)
      ? `the separator ${JSON.stringify(separator)} of the broker URL stands in it`
      : queue === unackedKey || queue === unackedIndexKey
        ? "the broker URL gives this name to another key"
        : undefined;
    if (what !== undefined)
      throw new CeleriacError("NAME_INVALID", `"${queue}" cannot be a queue's name here: ${what}.`);
    if (this.#good.size >= mostGood) this.#good.clear();
    this.#good.add(queue);
  }

  /** As kombu has it: the greatest step not above this priority; the last one if all are above. */
  stepOf(priority: number | undefined): number {
    return priority === undefined ? this.#usual : this.#stepAt(Math.max(priority, 0));
  }
  #stepAt(asked: number): number {
    return this.steps.findLast((step) => step <= asked) ?? this.steps.at(-1) ?? 0;
  }

  list(queue: string, step: number): string {
    return this.#prefix + queue + this.#suffix(step);
  }
  lists(queue: string): string[] {
    return this.#suffixes.map((suffix) => this.#prefix + queue + suffix);
  }
  #suffix(step: number): string {
    return step === 0 ? "" : this.#layout.separator + step;
  }
  binding(exchange: string): string {
    return `${this.#prefix}_kombu.binding.${exchange}`;
  }
  /** Member of a binding set: routing key, pattern, queue. */
  bound(routingKey: string, queue: string): string {
    const { separator } = this.#layout;
    return `${routingKey}${separator}${separator}${queue}`;
  }
  queueOfBinding(member: string): string | undefined {
    return member.split(this.#layout.separator)[2];
  }
  channel(exchange: string, routingKey?: string): string {
    return `${this.#prefix}/${this.#layout.db}.${exchange}${routingKey === undefined ? "" : `/${routingKey}`}`;
  }
  replyList(to: string): string {
    return `${this.#prefix}${to}.reply.celery.pidbox`;
  }
  /** Result key and pub/sub channel are the same text. */
  meta(id: string): string {
    return `${this.#layout.resultPrefix}celery-task-meta-${id}`;
  }
  /** A saved group, and its channel. */
  group(id: string): string {
    return `${this.#layout.resultPrefix}celery-taskset-meta-${id}`;
  }
  /** Of a chord: members by index, growth, size, all three as Celery has them, and our own. */
  joinKeys(group: string): readonly [members: string, extra: string, size: string, own: string] {
    const celery = this.group(group);
    return [`${celery}.j`, `${celery}.t`, `${celery}.s`, this.join(group)];
  }

  get separator(): string {
    return this.#layout.separator;
  }
  get fence(): string {
    return `${this.ours}fence`;
  }
  get control(): string {
    return `${this.ours}control`;
  }
  get queues(): string {
    return `${this.ours}queues`;
  }
  get dead(): string {
    return `${this.ours}dead`;
  }
  letter(key: string): string {
    return `${this.ours}dead:${key}`;
  }
  /** Joins that somebody must look after. */
  get joins(): string {
    return `${this.ours}joins`;
  }
  join(group: string): string {
    return `${this.ours}join:${group}`;
  }
  lease(queue: string): string {
    return `${this.ours}lease:${queue}`;
  }
  due(queue: string): string {
    return `${this.ours}due:${queue}`;
  }
  /** What waits of keys that take turns, and the last turn of each key. */
  fair(queue: string): string {
    return `${this.ours}fair:${queue}`;
  }
  turns(queue: string): string {
    return `${this.ours}turns:${queue}`;
  }
  started(queue: string): string {
    return `${this.ours}started:${queue}`;
  }
  bell(queue: string): string {
    return `${this.ours}bell:${queue}`;
  }
  watch(queue: string): string {
    return `${this.ours}watch:${queue}`;
  }
  sweep(queue: string): string {
    return `${this.ours}sweep:${queue}`;
  }
  session(name: string): string {
    return `${this.ours}sess:${name}`;
  }
  seen(id: string): string {
    return `${this.ours}seen:${id}`;
  }
  /** The set of made ids, see `isMade`, of the quarter of a second in which this one was made. */
  sent(id: string): string {
    return `${this.ours}sent:${id.slice(0, 8)}${id.slice(9, sharedByTime)}`;
  }
  crash(id: string): string {
    return `${this.ours}crash:${id}`;
  }
  checkpoints(id: string): string {
    return `${this.ours}cp:${id}`;
  }
  /** A set for each broker that keeps its results here. */
  held(broker: string): string {
    return broker === "" ? `${this.ours}held` : `${this.ours}held:${broker}`;
  }
  hold(id: string): string {
    return `${this.ours}hold:${id}`;
  }
  /** Who stands for a key of calls. */
  call(queue: string, key: string): string {
    return `${this.ours}call:${queue}:${key}`;
  }
  /** All rows of a queue, by their end. */
  calls(queue: string): string {
    return `${this.ours}calls:${queue}`;
  }
  term(name: string): string {
    return `${this.ours}term:${name}`;
  }
  fired(schedule: string): string {
    return `${this.ours}fired:${schedule}`;
  }
  ticks(schedule: string): string {
    return `${this.ours}ticks:${schedule}`;
  }
  rate(key: string): string {
    return `${this.ours}rate:${key}`;
  }
  slots(key: string): string {
    return `${this.ours}slots:${key}`;
  }
  /** Who waits for one of them, in order, and where the message of each lies. */
  line(key: string): string {
    return `${this.ours}line:${key}`;
  }
  parked(key: string): string {
    return `${this.ours}parked:${key}`;
  }
  /** The facts, their versions, their ends. */
  get facts(): readonly [string, string, string] {
    return [`${this.ours}facts`, `${this.ours}facts:versions`, `${this.ours}facts:ends`];
  }
}

/** Made ids of one quarter of a second have their first characters in common. */
export const sharedByTime = 11;
const made = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** An id that tells when it was made: a UUIDv7, as tasks get where the caller names none. */
export function isMade(id: string): boolean {
  return made.test(id);
}

/** `<fence>.<step>.<queue>`: all that a script needs to know of a claim, so that none parses JSON. */
export function fenceOfId(id: string): number {
  return Number(id.slice(0, id.indexOf(".")));
}

export function placeOfId(id: string): { readonly step: number; readonly queue: string } {
  const first = id.indexOf(".");
  const second = id.indexOf(".", first + 1);
  return { step: Number(id.slice(first + 1, second)), queue: id.slice(second + 1) };
}
