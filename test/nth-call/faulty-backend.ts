/**
 * A backend whose n-th call goes wrong: an error instead of it, an error after it was done, or the death of the process right
 * before or right after it. Calls are counted over all ports in the order in which they are made.
 */

import { writeSync } from "node:fs";
import type { Backend, OpenBackend, ServerBackend } from "../../src/port/backend.ts";
import type { Consumer } from "../../src/port/broker.ts";

export type Mode = "error" | "error-after" | "kill-before" | "kill-after" | "count";

/** Methods that answer nothing and must not throw: only a death can strike them. */
const silent = new Set(["want", "started", "pause"]);
/** Looking on, opening and closing are not steps of a task's life. */
const passive = new Set(["open", "close", "joins", "on", "watch", "list", "browse", "find"]);
/** A join's are, but for what every worker asks all the time: how often it has asked is a matter of how long it ran. */
const timed: ReadonlySet<string> = new Set(["stale"]);

export class Countdown {
  readonly #mode: Mode;
  readonly #at: number;
  #calls = 0;

  constructor(mode: Mode, at: number) {
    this.#mode = mode;
    this.#at = at;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Runs one counted call. */
  call(name: string, run: () => unknown): unknown {
    const struck = ++this.#calls === this.#at;
    if (!struck || this.#mode === "count") return run();
    if (this.#mode === "kill-before") return die(name);
    if (silent.has(name) && this.#mode.startsWith("error")) return run();
    if (this.#mode === "error") return Promise.reject(new Error(`injected instead of ${name}`));
    const result = run();
    const after = (): unknown => {
      if (this.#mode === "kill-after") return die(name);
      throw new Error(`injected after ${name}`);
    };
    return result instanceof Promise ? result.then(after) : after();
  }
}

function die(name: string): never {
  writeSync(2, `died at ${name}\n`);
  process.kill(process.pid, "SIGKILL");
  // The signal is delivered before the next turn; nothing may run until then.
  for (;;);
}

/** Wraps every port; what `consume` returns too. */
export function faulty(open: OpenBackend, countdown: Countdown): OpenBackend {
  return (options) => {
    const backend = open(options);
    const store = backend.store && faultyStore(backend.store, countdown);
    const broker = wrap(backend.broker, countdown, {
      consume: async (...args: Parameters<Backend["broker"]["consume"]>): Promise<Consumer> =>
        wrap(await backend.broker.consume(...args), countdown, {}),
      // The store of a wrapped backend is the wrapped one; the driver knows only its own.
      joins: (other: unknown) => store !== undefined && other === store,
    });
    return wrap(backend, undefined, {}, { broker, store });
  };
}

function faultyStore(store: NonNullable<ServerBackend["store"]>, countdown: Countdown): typeof store {
  const checkpoints = store.checkpoints && wrap(store.checkpoints, countdown, {});
  const ledger = store.ledger && wrap(store.ledger, countdown, {});
  const joins = store.joins && wrap(store.joins, countdown, {}, {}, timed);
  return wrap(store, countdown, {}, { checkpoints, ledger, joins });
}

function wrap<T extends object>(
  target: T,
  countdown: Countdown | undefined,
  own: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>> = {},
  uncounted: ReadonlySet<string> = passive,
): T {
  return new Proxy(target, {
    get(_, key) {
      const name = String(key);
      if (Object.hasOwn(values, name)) return values[name];
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      const run = (own[name] as ((...args: unknown[]) => unknown) | undefined) ?? value.bind(target);
      if (!countdown || uncounted.has(name)) return run;
      return (...args: unknown[]) => countdown.call(name, () => run(...args));
    },
  });
}
