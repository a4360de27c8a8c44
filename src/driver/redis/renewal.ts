/** The renewal call, and the renewer for pools whose user code cannot block this thread: it runs right here. */

import type { Clock } from "../../clock/clock.ts";
import type { Millis } from "../../port/units.ts";
import type { HeldClaim } from "./held-table.ts";
import { placeOfId, type Keys } from "./keys.ts";
import type { Renewer, RenewalReport } from "./leases.ts";
import type { Link } from "./link.ts";
import { renewScript } from "./script/hold.ts";
import type { Scripts } from "./script/script.ts";

/** Claims in one script call. */
const mostClaims = 500;

/** Ms until a renewal that failed is tried again. */
export function retryAfter(lease: Millis): Millis {
  return lease / 10;
}

/** Everything that is held, in as few calls as the bound allows. Rejects if any of them got no answer. */
export async function renewAll(
  link: Link,
  scripts: Scripts,
  keys: Keys,
  lease: Millis,
  claims: readonly string[],
): Promise<RenewalReport> {
  const calls: Promise<unknown>[] = [];
  for (let at = 0; at < claims.length; at += mostClaims) {
    const groups = new Map<string, string[]>();
    for (const claim of claims.slice(at, at + mostClaims)) {
      const { queue } = placeOfId(claim);
      const group = groups.get(queue);
      if (group) group.push(claim);
      else groups.set(queue, [claim]);
    }
    const names = [keys.unacked, keys.index];
    const args = [String(lease), String(groups.size)];
    for (const [queue, group] of groups) {
      names.push(keys.lease(queue), keys.started(queue));
      args.push(String(group.length), ...group);
    }
    calls.push(scripts.run(link, renewScript, names, args));
  }
  const replies = (await Promise.all(calls)) as string[][];
  return { now: Number(replies[0]?.[0]), lost: replies.flatMap((reply) => reply.slice(1)) };
}

export interface RenewalSettings {
  readonly clock: Clock;
  readonly lease: Millis;
  /** Between two renewals. */
  readonly interval: Millis;
  readonly report: (report: RenewalReport) => void;
}

export class LocalRenewer implements Renewer {
  readonly #settings: RenewalSettings;
  readonly #link: Link;
  readonly #scripts: Scripts;
  readonly #keys: Keys;
  readonly #claims = new Set<string>();
  readonly #timer: Disposable;
  #running = false;
  #again = false;
  #renewedAt = 0;
  #retry: Disposable | undefined;

  constructor(settings: RenewalSettings, link: Link, scripts: Scripts, keys: Keys) {
    this.#settings = settings;
    this.#link = link;
    this.#scripts = scripts;
    this.#keys = keys;
    this.#timer = settings.clock.every(settings.interval, () => this.renewNow());
  }

  get renewedAt(): number {
    return this.#renewedAt;
  }

  hold(claims: readonly HeldClaim[]): void {
    for (const { claim } of claims) this.#claims.add(claim);
  }

  release(claims: readonly HeldClaim[]): void {
    for (const { claim } of claims) this.#claims.delete(claim);
  }

  renewNow(): void {
    this.#again = true;
    if (!this.#running) void this.#run();
  }

  close(): Promise<void> {
    this.#timer[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    this.#claims.clear();
    return Promise.resolve();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#again) {
        this.#again = false;
        const sent = this.#settings.clock.monotonic();
        const claims = [...this.#claims];
        if (claims.length === 0) {
          // Nothing held is as good as renewed; what is claimed next brings its own time.
          continue;
        }
        const report = await renewAll(this.#link, this.#scripts, this.#keys, this.#settings.lease, claims);
        this.#renewedAt = sent;
        this.#settings.report(report);
      }
    } catch {
      // The next connection tries again at once, and what was refused (a full disk) is not left to the next interval, which may be one too late.
      this.#retry?.[Symbol.dispose]();
      this.#retry = this.#settings.clock.after(retryAfter(this.#settings.lease), () => this.renewNow());
    } finally {
      this.#running = false;
    }
  }
}
