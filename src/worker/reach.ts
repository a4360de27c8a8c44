/**
 * Whether the broker can be reached. The consumer tries for ever by itself; this tells of it, and ends a worker that has tried for too long,
 * where somebody wants that: who starts it again may do so on another machine, or with another address.
 */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Consumer } from "../port/broker.ts";
import type { Reporter } from "./reporter.ts";

export class Reach implements Disposable {
  readonly #clock: Clock;
  readonly #limit: number | undefined;
  readonly #lost: (error: CeleriacError) => void;
  #closed = false;
  #over: Disposable | undefined;

  /** `limit`: ms; `undefined` means for ever. `lost` is called at most once. */
  constructor(
    clock: Clock,
    consumer: Consumer,
    report: Reporter,
    limit: number | undefined,
    lost: (error: CeleriacError) => void,
  ) {
    this.#clock = clock;
    this.#limit = limit;
    this.#lost = lost;
    consumer.on("disconnected", (text) => {
      report.emit("broker:disconnected", { text });
      this.#wait(text);
    });
    consumer.on("connected", (text) => {
      this.#found();
      report.emit("broker:connected", { text });
    });
  }

  #wait(why: string): void {
    const limit = this.#limit;
    if (limit === undefined || this.#closed) return;
    this.#over ??= this.#clock.after(limit, () => {
      this.#closed = true;
      this.#lost(outOfReach(limit, why));
    });
  }

  #found(): void {
    this.#over?.[Symbol.dispose]();
    this.#over = undefined;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#found();
  }
}

function outOfReach(limit: number, why: string): CeleriacError {
  return new CeleriacError(
    "BACKEND_UNREACHABLE",
    `The broker has been out of reach for ${String(limit)} ms, which is this worker's reconnectLimit, so it ends. What it ran is taken by others. It was lost with: ${why}`,
    { details: { limit } },
  );
}
