/**
 * Waits until nothing moves any more: everything that can run now has run. What handlers wait for may be real (a file, a socket), so that
 * is waited for in real time; a handler that waits for the test's clock, or for longer than `patience`, counts as waiting.
 */

import { setImmediate, setTimeout } from "node:timers";

export interface Scene {
  /** Ready messages that a worker could take. */
  readonly ready: () => number;
  /** Deliveries that run, and wait for nothing that the clock brings. */
  readonly running: () => number;
  /** A worker that is being started. */
  readonly starting: () => Promise<unknown> | undefined;
}

/** Turns of the loop in which nothing happens: some steps of a worker wait for the end of a turn, and then for another. */
const stillTurns = 3;
/** Turns that are taken at full speed before each costs a millisecond. */
const quickTurns = 50;

export class Stillness {
  readonly #scene: Scene;
  readonly #patience: number;
  #moves = 0;
  /** `#moves` when patience ran out: nobody is waited for again before something moves. */
  #gaveUpAt = -1;

  /** `patience`: real milliseconds. */
  constructor(scene: Scene, patience: number) {
    this.#scene = scene;
    this.#patience = patience;
  }

  /** Something happened. */
  moved(): void {
    this.#moves += 1;
  }

  /** After a timer: one turn, and more only if that set something going. */
  async step(): Promise<void> {
    const before = this.#moves;
    await turn();
    if (this.#moves === before && (this.#gaveUpAt === before || !this.#busy())) return;
    await this.settled();
  }

  async settled(): Promise<void> {
    let seen = this.#moves;
    let still = 0;
    let turns = 0;
    let waited = 0;
    for (;;) {
      await this.#scene.starting();
      if (++turns <= quickTurns) await turn();
      else waited += await millisecond();
      if (this.#moves !== seen) {
        seen = this.#moves;
        [still, turns, waited] = [0, 0, 0];
      } else if (!this.#busy() || this.#gaveUpAt === seen) {
        if (++still >= stillTurns) return;
      } else if (waited >= this.#patience) {
        this.#gaveUpAt = seen;
        return;
      }
    }
  }

  #busy(): boolean {
    return this.#scene.starting() !== undefined || this.#scene.ready() > 0 || this.#scene.running() > 0;
  }
}

/** Taken from the module, so that a test runner's fake timers do not stop them. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

async function millisecond(): Promise<number> {
  await new Promise<void>((resolve) => void setTimeout(resolve, 1));
  return 1;
}
