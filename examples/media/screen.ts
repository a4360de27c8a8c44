/** What people see while the demo runs: a live bar on a terminal, plain lines elsewhere, nothing with --json. */

import type { WriteStream } from "node:tty";

export interface Count {
  readonly worker: string;
  readonly done: number;
  /** "running", "killed", "stopped". */
  readonly state: string;
}

export class Screen {
  readonly #out: NodeJS.WriteStream | undefined;
  readonly #live: boolean;
  #drawn = 0;
  #lastLine = 0;

  constructor(out: NodeJS.WriteStream | undefined) {
    this.#out = out;
    this.#live = out?.isTTY === true && process.env["TERM"] !== "dumb";
  }

  /** A line that stays. */
  say(text = ""): void {
    if (this.#out === undefined) return;
    this.#clear();
    this.#out.write(`${text}\n`);
  }

  /** The state of things, drawn over the one before; where nothing can be drawn over, a line every two seconds. */
  progress(done: number, total: number, counts: readonly Count[]): void {
    if (this.#out === undefined) return;
    if (this.#live) {
      this.#clear();
      const lines = [bar(done, total, (this.#out as WriteStream).columns), ...counts.map(countLine)];
      this.#out.write(`${lines.join("\n")}\n`);
      this.#drawn = lines.length;
      return;
    }
    const now = performance.now();
    if (now - this.#lastLine < 2000) return;
    this.#lastLine = now;
    const each = counts.map(
      ({ worker, done: own, state }) => `${worker} ${own}${state === "running" ? "" : ` (${state})`}`,
    );
    this.#out.write(`${done} of ${total} thumbnails; ${each.join(", ")}\n`);
  }

  /** Leaves the last drawing where it is. */
  keep(): void {
    this.#drawn = 0;
  }

  #clear(): void {
    if (this.#drawn > 0) this.#out?.write(`\u001b[${this.#drawn}A\u001b[0J`);
    this.#drawn = 0;
  }
}

function bar(done: number, total: number, columns: number): string {
  const width = Math.max(10, Math.min(columns || 80, 100) - 32);
  const full = total === 0 ? 0 : Math.round((width * done) / total);
  const share = total === 0 ? 0 : Math.floor((100 * done) / total);
  return `  ${"█".repeat(full)}${"░".repeat(width - full)} ${String(share).padStart(3)} %  ${done}/${total} thumbnails`;
}

function countLine({ worker, done, state }: Count): string {
  return `  ${worker.padEnd(10)} ${String(done).padStart(5)}  ${state}`;
}
