/** The demo's worker processes: starts them, counts what each has finished, kills one in the middle of its work, leaves none behind. */

import { setTimeout as sleep } from "node:timers/promises";
import { openRuns, readJournal } from "./journal.ts";
import type { Count } from "./screen.ts";
import { type WorkerLine, WorkerProcess } from "../harness/worker-process.ts";

export interface Killed {
  readonly name: string;
  readonly pid: number;
  /** Ids whose run was cut off. */
  readonly interrupted: readonly string[];
  readonly poolChildren: readonly number[];
}

const app = new URL("app.ts", import.meta.url);

interface Member {
  readonly worker: WorkerProcess;
  done: number;
  state: "running" | "killed" | "stopped";
}

export class Crew {
  readonly #members: Member[] = [];
  readonly #listeners = new Set<(worker: string, line: WorkerLine) => void>();
  readonly #warn: (text: string) => void;
  readonly #told = new Set<string>();
  #ending = false;

  /** `warn` hears what the workers warn of, once, though each of them says it. */
  constructor(warn: (text: string) => void) {
    this.#warn = warn;
  }

  /** Starts `count` workers; resolves when they take tasks. */
  async start(
    options: { readonly broker: string; readonly queue: string; readonly lease: string; readonly count: number },
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const { count, queue, ...rest } = options;
    const started = Array.from({ length: count }, () => {
      const member: Member = {
        worker: new WorkerProcess({
          ...rest,
          app,
          args: ["-Q", queue],
          name: `worker-${this.#members.length + 1}`,
          onLine: (_, line) => this.#hear(member, line),
        }),
        done: 0,
        state: "running",
      };
      this.#members.push(member);
      return member.worker.ready(signal);
    });
    await Promise.all(started);
  }

  onLine(listener: (worker: string, line: WorkerLine) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  counts(): readonly Count[] {
    return this.#members.map(({ worker, done, state }) => ({ worker: worker.name, done, state }));
  }

  /**
   * Kills the first worker at work: in the moment of the signal the journal shows runs that it has begun and not ended. Otherwise
   * the kill would prove nothing. (Its children live for some milliseconds more and may even finish a file, but nobody takes it.)
   */
  async killOneAtWork(folder: string, signal: AbortSignal): Promise<Killed> {
    const victim = this.#members.find(({ state }) => state === "running");
    if (victim === undefined) throw new Error("there is no worker to kill");
    const { name, pid, poolChildren } = victim.worker;
    let interrupted = openRuns(readJournal(folder), pid);
    while (interrupted.length === 0) {
      await sleep(5, undefined, { signal });
      interrupted = openRuns(readJournal(folder), pid);
    }
    const gone = victim.worker.kill();
    victim.state = "killed";
    await gone;
    return { name, pid, interrupted, poolChildren };
  }

  /** Ends all, in a few seconds at most. */
  async stopAll(): Promise<void> {
    this.#ending = true;
    await Promise.all(
      this.#members.map(async (member) => {
        await member.worker.stop(8000);
        if (member.state === "running") member.state = "stopped";
      }),
    );
  }

  killAll(): void {
    this.#ending = true;
    for (const { worker } of this.#members) if (worker.alive) void worker.kill();
  }

  #tell(text: string): void {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#warn(text);
  }

  #hear(member: Member, line: WorkerLine): void {
    if (line.event === "task.succeeded") member.done++;
    if (line.event === "warning" && !this.#ending) this.#tell(line.text ?? "");
    for (const listener of this.#listeners) listener(member.worker.name, line);
  }
}
