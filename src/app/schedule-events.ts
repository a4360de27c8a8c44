/** What a scheduler does, as monitors hear of it. What tells it is loaded with the first thing that somebody may want to hear of. */

import type { Backend } from "../port/backend.ts";
import type { BeatEvent } from "./beat.ts";
import type { AppConfig } from "./config.ts";

/** What tells of ticks. */
export interface ScheduleTeller {
  tell(event: BeatEvent): void;
  /** Resolves when what was told is on its way. */
  drain(): Promise<void>;
}

/** `sentEvents` of the app says when, as for the calls that a scheduler sends. */
export class ScheduleEvents {
  readonly #config: AppConfig;
  readonly #backend: Backend;
  readonly #node: string;
  #loading: Promise<ScheduleTeller> | undefined;

  /** `node`: the scheduler's name. */
  constructor(config: AppConfig, backend: Backend, node: string) {
    this.#config = config;
    this.#backend = backend;
    this.#node = node;
  }

  /** Nobody waits for it. What is of no schedule is passed over. */
  tell(event: BeatEvent): void {
    const { sentEvents, clock } = this.#config;
    if (sentEvents === false || event.schedule === undefined) return;
    this.#loading ??= import("../event/schedule.ts").then(({ tellerOf }) =>
      tellerOf(this.#backend.bus, clock, sentEvents, this.#node),
    );
    void this.#loading.then((teller) => teller.tell(event));
  }

  async drain(): Promise<void> {
    await (await this.#loading)?.drain();
  }
}
