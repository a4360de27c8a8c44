/**
 * Which commands a worker obeys where messages are signed: those that somebody with a key has sent, lately, and that it has not obeyed before.
 * A command has no id that a result stands for, so an old one is told from a new one by its time and by its signature.
 */

import type { Clock } from "../clock/clock.ts";
import type { Message } from "../wire/message.ts";
import { type Keyring, readSeal } from "../wire/signing.ts";
import type { Reporter } from "./reporter.ts";

/** How old a command may be, and how far the clocks of sender and worker may differ, ms. */
const freshness = 5 * 60_000;
/** Signatures remembered; when there are more within the time above, no further command is obeyed. */
const mostRemembered = 10_000;
/** Between two warnings, ms: whoever reaches the broker could fill the log. */
const warnEvery = 60_000;

export interface CommandTrustOptions {
  readonly clock: Clock;
  readonly report: Pick<Reporter, "warning">;
  readonly keys: Keyring["keys"];
  readonly namespace: string;
}

export class CommandTrust {
  readonly #options: CommandTrustOptions;
  /** Signature → when it is forgotten, unix ms; the oldest first. */
  readonly #seen = new Map<string, number>();
  #quietUntil = 0;

  constructor(options: CommandTrustOptions) {
    this.#options = options;
  }

  admits(message: Message, method: string): boolean {
    const { clock, keys, namespace } = this.#options;
    const seal = readSeal(message, { kind: "control", namespace }, { keys });
    if (seal.kind !== "signed") return this.#refuse(method, seal.why);
    const now = clock.now();
    if (Math.abs(now - seal.at) > freshness)
      return this.#refuse(method, "it was signed too long ago, or the clocks differ");
    for (const [mac, until] of this.#seen) {
      if (until > now) break;
      this.#seen.delete(mac);
    }
    if (this.#seen.has(seal.mac)) return this.#refuse(method, "it was obeyed before");
    if (this.#seen.size >= mostRemembered) return this.#refuse(method, "too many commands came at once");
    // For as long as it could come again: from a clock that goes before this one, that is twice the time.
    this.#seen.set(seal.mac, now + 2 * freshness);
    return true;
  }

  #refuse(method: string, why: string): false {
    const { clock, report } = this.#options;
    const now = clock.monotonic();
    if (now >= this.#quietUntil) {
      this.#quietUntil = now + warnEvery;
      report.warning(
        "CONTROL_REFUSED",
        `the command "${method.slice(0, 40)}" is not obeyed: ${why}. More of these are not told for a minute`,
      );
    }
    return false;
  }
}
