/** Every key that this driver touches. Python sees the first group exactly as kombu and Celery write it; the rest lies beside it. */

/** What kombu puts between a queue's name and its priority step. */
const separator = "\x06\x16";
/** kombu's default `priority_steps`: low numbers are served first. */
export const prioritySteps = [0, 3, 6, 9] as const;
export type Step = (typeof prioritySteps)[number];

/** The greatest step not above this priority. */
export function stepOf(priority: number | undefined): Step {
  if (priority === undefined || priority < 3) return 0;
  return priority >= 9 ? 9 : priority >= 6 ? 6 : 3;
}

export class Keys {
  readonly #prefix: string;
  readonly #ours: string;
  readonly #results: string;
  readonly #db: number;

  constructor(prefix: string, resultPrefix: string, db: number) {
    this.#prefix = prefix;
    this.#ours = `${prefix}celeriac:`;
    this.#results = resultPrefix;
    this.#db = db;
  }

  get unacked(): string {
    return `${this.#prefix}unacked`;
  }
  get index(): string {
    return `${this.#prefix}unacked_index`;
  }
  list(queue: string, step: Step): string {
    return step === 0 ? this.#prefix + queue : `${this.#prefix}${queue}${separator}${step}`;
  }
  lists(queue: string): string[] {
    return prioritySteps.map((step) => this.list(queue, step));
  }
  binding(exchange: string): string {
    return `${this.#prefix}_kombu.binding.${exchange}`;
  }
  /** Member of a binding set: routing key, pattern, queue. */
  bound(routingKey: string, queue: string): string {
    return `${routingKey}${separator}${separator}${queue}`;
  }
  queueOfBinding(member: string): string | undefined {
    return member.split(separator)[2];
  }
  channel(exchange: string, routingKey?: string): string {
    return `${this.#prefix}/${this.#db}.${exchange}${routingKey === undefined ? "" : `/${routingKey}`}`;
  }
  replyList(to: string): string {
    return `${this.#prefix}${to}.reply.celery.pidbox`;
  }
  /** Result key and pub/sub channel are the same text. */
  meta(id: string): string {
    return `${this.#results}celery-task-meta-${id}`;
  }

  get fence(): string {
    return `${this.#ours}fence`;
  }
  get control(): string {
    return `${this.#ours}control`;
  }
  get queues(): string {
    return `${this.#ours}queues`;
  }
  get dead(): string {
    return `${this.#ours}dead`;
  }
  letter(key: string): string {
    return `${this.#ours}dead:${key}`;
  }
  lease(queue: string): string {
    return `${this.#ours}lease:${queue}`;
  }
  due(queue: string): string {
    return `${this.#ours}due:${queue}`;
  }
  started(queue: string): string {
    return `${this.#ours}started:${queue}`;
  }
  bell(queue: string): string {
    return `${this.#ours}bell:${queue}`;
  }
  watch(queue: string): string {
    return `${this.#ours}watch:${queue}`;
  }
  sweep(queue: string): string {
    return `${this.#ours}sweep:${queue}`;
  }
  session(name: string): string {
    return `${this.#ours}sess:${name}`;
  }
  seen(id: string): string {
    return `${this.#ours}seen:${id}`;
  }
  crash(id: string): string {
    return `${this.#ours}crash:${id}`;
  }
  checkpoints(id: string): string {
    return `${this.#ours}cp:${id}`;
  }
  term(name: string): string {
    return `${this.#ours}term:${name}`;
  }
  fired(schedule: string): string {
    return `${this.#ours}fired:${schedule}`;
  }
}

/** `<fence>.<step>.<queue>`: all that a script needs to know of a claim, so that none parses JSON. */
export function fenceOfId(id: string): number {
  return Number(id.slice(0, id.indexOf(".")));
}

export function placeOfId(id: string): { readonly step: Step; readonly queue: string } {
  const first = id.indexOf(".");
  return { step: stepOf(Number(id.charAt(first + 1))), queue: id.slice(first + 3) };
}
