/** Sends photographs and orders through the API, and knows how far they are: from the workers' lines, and, for what no line came of, by asking. */

import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "./client.ts";
import type { Crew } from "./crew.ts";
import type { Photograph } from "./photographs.ts";

/** A run that makes no step for so long is given up; the verifier then says what is missing. */
const patience = 120_000;

/** What a worker's line says when a task has its final result. */
const ends: ReadonlySet<string> = new Set(["task.succeeded", "task.failed", "task.revoked", "task.dead"]);

export class Feed {
  readonly #record: string;
  readonly #ids = new Set<string>();
  /** Ids that have ended, with how often a worker said so. */
  readonly #ends = new Map<string, number>();
  /** Ids that have ended by the word of the API: their worker died before it could tell, or is about to. */
  readonly #asked = new Set<string>();
  readonly #listening: Disposable;
  #started = 0;
  #lastStep = 0;

  constructor(folder: string, crew: Crew) {
    this.#record = join(folder, "accepted.ndjson");
    writeFileSync(this.#record, "");
    this.#listening = crew.onLine((_, { event, id }) => {
      if (id === undefined || !ends.has(event)) return;
      // The line can be here before the 202 is.
      this.#ends.set(id, (this.#ends.get(id) ?? 0) + 1);
      this.#lastStep = performance.now();
    });
  }

  get accepted(): number {
    return this.#ids.size;
  }

  get done(): number {
    return this.#ids.size - this.#missing().length;
  }

  /** From the first accepted order to the last end. */
  get seconds(): number {
    return (this.#lastStep - this.#started) / 1000;
  }

  /** Ids of which more than one end was told: must be none. */
  get finishedTwice(): number {
    return [...this.#ends.values()].filter((count) => count > 1).length;
  }

  /** Uploads all and orders everything, two photographs at a time. */
  async order(client: Client, photographs: readonly Photograph[], signal: AbortSignal): Promise<void> {
    this.#started = performance.now();
    const rest = photographs.values();
    const lane = async (): Promise<void> => {
      for (const photograph of rest) {
        signal.throwIfAborted();
        const image = await client.upload(photograph);
        await client.order(image, (tasks) => {
          for (const task of tasks) this.#ids.add(task.id);
          // On disk at once: the verifier trusts this list and no other.
          appendFileSync(this.#record, tasks.map((task) => `${JSON.stringify(task)}\n`).join(""));
        });
      }
    };
    await Promise.all([lane(), lane()]);
  }

  async untilDone(count: number, signal: AbortSignal): Promise<void> {
    this.#lastStep = performance.now();
    while (this.done < count) {
      this.#giveUp();
      await sleep(20, undefined, { signal });
    }
  }

  /** Resolves when every accepted task has ended, or when nothing has for long. */
  async untilAll(client: Client, signal: AbortSignal): Promise<void> {
    for (let asked = 0; ;) {
      const missing = this.#missing();
      if (missing.length === 0 || performance.now() - this.#lastStep > patience) return;
      // A worker that dies between storing a result and telling of it leaves an end that only the API knows.
      if (missing.length <= 64 && performance.now() - asked > 500) {
        asked = performance.now();
        for (const id of missing) {
          if (!(await client.isFinal(id))) continue;
          this.#asked.add(id);
          this.#lastStep = performance.now();
        }
      }
      await sleep(20, undefined, { signal });
    }
  }

  /** Leaves a Redis as it was found. */
  async forgetResults(): Promise<void> {
    const { app } = await import("./app.ts");
    await Promise.all([...this.#ids].map((id) => app.result(id).forget()));
  }

  close(): void {
    this.#listening[Symbol.dispose]();
  }

  #missing(): readonly string[] {
    return [...this.#ids].filter((id) => !this.#ends.has(id) && !this.#asked.has(id));
  }

  #giveUp(): void {
    if (performance.now() - this.#lastStep > patience)
      throw new Error(`no thumbnail was finished for ${patience / 1000} s`);
  }
}
