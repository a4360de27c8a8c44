/**
 * The one way to time: now, sleep, interval. Tests put a virtual clock in its place; `setTimeout` elsewhere is a lint error.
 */

/**
 * Time as this code base sees it. Waits take a signal and end, rejected with the signal's reason, when it aborts.
 *
 * @example
 * ```ts
 * import { type Clock, systemClock } from "celeriac";
 * const anHourAhead: Clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 };
 * ```
 */
export interface Clock {
  /** Wall clock, unix milliseconds. For what people and other machines read. */
  now(): number;
  /** Milliseconds on a clock that only grows; its zero means nothing. For measuring and for own deadlines. */
  monotonic(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `run` every `ms` until disposed; never keeps the process alive. Errors of `run` are the caller's affair. */
  every(ms: number, run: () => void): Disposable;
  /** Calls `run` once after `ms` unless disposed first; never keeps the process alive. */
  after(ms: number, run: () => void): Disposable;
}

/**
 * Real time.
 *
 * @example
 * ```ts
 * import { systemClock } from "celeriac";
 * const started = systemClock.monotonic();
 * await systemClock.sleep(100, AbortSignal.timeout(1_000));
 * console.log(systemClock.monotonic() - started); // 100 or a little more
 * ```
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal.addEventListener("abort", stop, { once: true });
    });
  },
  every(ms, run) {
    const timer = setInterval(run, ms).unref();
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
  after(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
