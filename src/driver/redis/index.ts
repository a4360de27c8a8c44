/**
 * The Redis driver: broker, results, bus, replies, lease, shared facts and limits on one server, for `redis:`, `rediss:` and `sentinel:` URLs. `location.ts`
 * has the options that may stand in the query.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { BackendOptions, FullBackend, OpenBackend } from "../../port/backend.ts";
import type { Check } from "../../port/check.ts";
import type { Replies } from "../../port/replies.ts";
import type { Warning } from "../../port/units.ts";
import { RedisBroker } from "./broker.ts";
import { RedisBus } from "./bus.ts";
import { loadClient } from "./client.ts";
import { Context } from "./context.ts";
import { RedisControlState } from "./control-state.ts";
import { examine } from "./examination.ts";
import { connectFailure } from "./failure.ts";
import { RedisLease } from "./lease.ts";
import { RedisLimits } from "./limits.ts";
import { readLocation } from "./location.ts";
import { RedisReplies } from "./replies.ts";
import { RedisResultStore } from "./result-store.ts";
import { claimScript } from "./script/claim.ts";
import { renewScript, startScript } from "./script/hold.ts";
import { publishScript } from "./script/publish.ts";
import { settleScript } from "./script/settle.ts";
import { checkServer } from "./server-check.ts";
import { Subscriber } from "./subscriber.ts";
import { trustWarnings } from "./trust.ts";

/** Throws BROKER_URL_INVALID; everything else waits for `open`. */
export const open: OpenBackend<FullBackend & { readonly replies: Replies }> = (options: BackendOptions) =>
  new RedisBackend(options);

class RedisBackend implements FullBackend {
  readonly broker: RedisBroker;
  readonly store: RedisResultStore;
  readonly bus: RedisBus;
  readonly lease: RedisLease;
  readonly control: RedisControlState;
  readonly limits: RedisLimits;
  readonly replies: RedisReplies;
  readonly #context: Context;
  readonly #subscriber: Subscriber;
  #opening: Promise<readonly Warning[]> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: BackendOptions) {
    const context = new Context(options, readLocation(options.url));
    const subscriber = new Subscriber(context);
    const opened = (signal: AbortSignal): Promise<readonly Warning[]> => this.open(signal);
    const closed = (): Promise<void> => this.close();
    this.#context = context;
    this.#subscriber = subscriber;
    this.store = new RedisResultStore(context, subscriber, opened, closed);
    this.broker = new RedisBroker(context, () => this.store, opened, closed);
    this.bus = new RedisBus(context, subscriber);
    this.lease = new RedisLease(context);
    this.control = new RedisControlState(context);
    this.limits = new RedisLimits(context);
    this.replies = new RedisReplies(context);
  }

  open(signal: AbortSignal): Promise<readonly Warning[]> {
    this.#opening ??= this.#open(signal);
    return this.#opening;
  }

  async #open(signal: AbortSignal): Promise<readonly Warning[]> {
    const { location, scripts, options, timeout } = this.#context;
    try {
      await this.#context.connect(await loadClient(location, timeout), signal);
      const { link, keys } = this.#context;
      const info = await link.call("INFO", []);
      const { major, warnings: said } = checkServer(String(info), location.name, options.allowEviction);
      const warnings = [...said, ...trustWarnings(location)];
      scripts.forServer(major);
      await scripts.load(link, [publishScript, claimScript, startScript, renewScript, settleScript]);
      // A worker of Celery that ever ran here has bound its mailbox.
      const python = (await link.call("EXISTS", [keys.binding("celery.pidbox")])) === 1;
      if (!python) return warnings;
      const text = `Celery workers use ${location.name} too: pausing a queue stops ours, not theirs.`;
      return [...warnings, { code: "PAUSE_OURS_ONLY", text }];
    } catch (error) {
      this.#context.close();
      throw error instanceof CeleriacError ? error : connectFailure(location.name, error);
    }
  }

  examine(): Promise<readonly Check[]> {
    return examine(this.#context);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    await this.broker.stopConsumers();
    this.#subscriber.close();
    this.#context.close();
  }
}
