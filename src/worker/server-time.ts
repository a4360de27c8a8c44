/**
 * The time of the server that holds the messages, reckoned from what it said at our claims. Each claim's answer was a while on its
 * way, so of the last few the one that lets the server's clock stand furthest ahead is nearest to the truth.
 */

/** Claims that are looked back on: a clock that was set back is followed after as many. */
const remembered = 16;

export class ServerTime {
  /** Server's wall clock minus our monotonic one, newest last. */
  readonly #offsets: number[] = [];

  /**
   * A claim of this moment, by the server's clock, has come at `monotonic` of ours. Answers when that was by ours: long ago, if it
   * lay in a buffer while this process was stopped. A server's clock that was set back makes as many claims look old as are
   * looked back on, which costs these a way back.
   */
  saw(claimedAt: number, monotonic: number): number {
    this.#offsets.push(claimedAt - monotonic);
    if (this.#offsets.length > remembered) this.#offsets.shift();
    return claimedAt - Math.max(...this.#offsets);
  }

  /** Unix ms; call it after the first claim. */
  now(monotonic: number): number {
    return Math.round(Math.max(...this.#offsets) + monotonic);
  }
}
