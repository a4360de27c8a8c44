/** Where a worker is to die, and how often it has. */

/**
 * Where a worker dies: after a checkpoint, by its name; or after a step of the worker's own. "claim": it has the message and has begun
 * nothing. "run": the handler has returned, and nothing of that is stored. "settlement": all is stored and sent, and the worker has not heard.
 */
export type CrashPoint = string | { readonly step: CrashStep };
/** A step of the worker after which it dies; see {@link CrashPoint}. */
export type CrashStep = "claim" | "run" | "settlement";

/**
 * Which crashes are meant.
 *
 * @example
 * ```ts
 * import type { CrashOptions } from "celeriac/testing";
 * const twice: CrashOptions = { task: importRows, times: 2 };
 * test.crashWorkerAfter("page-1", twice);
 * await test.run(importRows, { url: "https://example.com/rows.csv" });
 * ```
 */
export interface CrashOptions {
  /** Only where this task is concerned. Default: whichever comes first. */
  readonly task?: { readonly name: string };
  /** How many workers die there, one after the other. Default 1. */
  readonly times?: number;
}

/**
 * A crash that was asked for.
 *
 * @example
 * ```ts
 * const crash = test.crashWorkerAfter("page-1");
 * await test.run(importRows, { url: "https://example.com/rows.csv" });
 * console.log(crash.happened); // 1
 * ```
 */
export interface Crash {
  /** Workers that have died of it. */
  readonly happened: number;
}

/** What happens in a worker, as a crash sees it. */
export interface Moment {
  readonly point: CrashPoint;
  readonly tasks: readonly string[];
}

export class CrashPlan implements Crash {
  readonly point: CrashPoint;
  readonly #task: string | undefined;
  readonly #times: number;
  #happened = 0;

  constructor(point: CrashPoint, options: CrashOptions) {
    this.point = point;
    this.#task = options.task?.name;
    this.#times = options.times ?? 1;
  }

  get happened(): number {
    return this.#happened;
  }

  get isDone(): boolean {
    return this.#happened >= this.#times;
  }

  /** Where it is, in words. */
  get text(): string {
    const where = typeof this.point === "string" ? `checkpoint "${this.point}"` : `step "${this.point.step}"`;
    return this.#task === undefined ? where : `${where} of "${this.#task}"`;
  }

  /** True: the worker dies now. */
  strikes({ point, tasks }: Moment): boolean {
    if (this.isDone || !same(this.point, point)) return false;
    if (this.#task !== undefined && !tasks.includes(this.#task)) return false;
    this.#happened += 1;
    return true;
  }
}

function same(one: CrashPoint, other: CrashPoint): boolean {
  if (typeof one === "string" || typeof other === "string") return one === other;
  return one.step === other.step;
}
