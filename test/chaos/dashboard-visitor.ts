/** A browser that asks the dashboard of a run for its pages now and then, listens to its stream, and says whether it came back. */

import { setTimeout as after } from "node:timers/promises";

const pages = [
  "/",
  "/api/overview",
  "/api/tasks",
  "/api/queues",
  "/api/workers",
  "/api/schedules",
  "/api/dead",
] as const;
/** Ms between two pages. */
const rest = 500;
/** Ms; the longest that a timer takes. */
const never = 2 ** 31 - 1;
/** Ms for one page, of which a dashboard that is stopped takes all. */
const limit = 4000;
/** The same in the end, when it may be slow but must answer; ms. */
const lastLimit = 60_000;
/** Ms in which it must serve every page again once nothing goes wrong any more: a start, and connections that are tried again with growing pauses. */
const patience = 180_000;

export interface Visits {
  /** Pages that came. */
  readonly served: number;
  /** Pages that did not, or were an error. */
  readonly refused: number;
  /** Events of its stream. */
  readonly heard: number;
  readonly violations: readonly string[];
}

export class DashboardVisitor {
  readonly #url: string;
  readonly #ending = new AbortController();
  readonly #all: Promise<unknown>;
  #served = 0;
  #refused = 0;
  #heard = 0;

  constructor(url: string) {
    this.#url = url;
    this.#all = Promise.all([this.#look(), this.#listen(true), this.#listen(false)]);
  }

  /** After the last fault: every page must come, and the tasks of the run must be known. */
  async leave(): Promise<Visits> {
    const until = performance.now() + patience;
    let missing = new Map<string, string>();
    let tasks = 0;
    do {
      await after(rest);
      missing = new Map();
      for (const page of pages) {
        try {
          const text = await this.#ask(page, lastLimit);
          if (page === "/api/tasks") tasks = (JSON.parse(text) as { readonly items: readonly unknown[] }).items.length;
        } catch (error) {
          missing.set(page, reason(error));
        }
      }
    } while ((missing.size > 0 || tasks === 0) && performance.now() < until);
    await this.close();
    const violations = [...missing].map(([page, why]) => `dashboard: ${page} does not come: ${why}`);
    if (tasks === 0) violations.push("dashboard: it knows no task");
    if (this.#heard === 0) violations.push("dashboard: its stream said nothing");
    return { served: this.#served, refused: this.#refused, heard: this.#heard, violations };
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#all;
  }

  async #look(): Promise<void> {
    const { signal } = this.#ending;
    for (let turn = 0; !signal.aborted; turn++) {
      const page = pages[turn % pages.length] ?? "/";
      await this.#ask(page, limit).then(
        () => this.#served++,
        () => this.#refused++,
      );
      await after(rest, undefined, { signal }).catch(() => {});
    }
  }

  async #ask(page: string, ms: number): Promise<string> {
    const accept = page === "/" ? "text/html" : "application/json";
    const signal = AbortSignal.any([AbortSignal.timeout(ms), this.#ending.signal]);
    const answer = await fetch(`${this.#url}${page}`, { headers: { accept }, signal });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${String(answer.status)} ${text}`);
    return text;
  }

  /** One that reads what it is told, and one that never does; both come back when they are cut off. */
  async #listen(reads: boolean): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.#hear(reads, signal).catch(() => {});
      await after(rest, undefined, { signal }).catch(() => {});
    }
  }

  async #hear(reads: boolean, signal: AbortSignal): Promise<void> {
    const answer = await fetch(`${this.#url}/api/stream?topics=tasks&topics=queues`, {
      headers: { accept: "text/event-stream" },
      signal,
    });
    if (!answer.ok || answer.body === null) return;
    if (reads) for await (const _chunk of answer.body) this.#heard++;
    else await after(never, undefined, { signal });
  }
}

function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return (cause instanceof Error ? `${message}: ${cause.message}` : message).slice(0, 200);
}
