/**
 * What a driver's test file hands to the conformance suites: a server of its own, clients of it that can be killed and
 * frozen, and the passing of time. Hooks a harness lacks skip the cases that need them, by name.
 */

import type { Clock } from "../../clock/clock.ts";
import type { BackendOptions, FullBackend } from "../../port/backend.ts";
import type { Replies } from "../../port/replies.ts";
import type { Millis, ServerTime } from "../../port/units.ts";

/** One client, as independent of the others as another process would be. Already opened. */
export interface OpenClient extends FullBackend {
  /** Where the driver has a way of its own. */
  readonly replies?: Replies;
  /** Dies: renews nothing, gives nothing back, answers nothing more. `close` afterwards is harmless. */
  kill(): Promise<void>;
  /** Stops renewing, as a stopped process does; calls made meanwhile still reach the server. Suites freeze only who has no room. */
  freeze?(): Promise<void>;
  /** Goes on, as after SIGCONT. */
  thaw?(): Promise<void>;
}

export type ClientOverrides = Partial<Pick<BackendOptions, "maxDepth" | "maxMessageBytes">>;

export type CutCall = "publish" | "claim" | "settle" | "begin" | "take" | "finish" | "grow";

export interface SuiteServer {
  /**
   * A further client of the same server. The suites close what they open. `mortal`: it is to die, to freeze or to be cut off, so others
   * should soon notice its silence; that of all others may last for as long as a busy machine stands still.
   */
  open(overrides?: ClientOverrides, mortal?: boolean): Promise<OpenClient>;
  /** Lets server time pass: virtual in memory, a real wait elsewhere. */
  pass(ms: Millis): Promise<void>;
  /** `pass` costs nothing, so that a case may let days pass. */
  readonly virtual?: boolean;
  /** The server's wall clock now. */
  now(): ServerTime;
  /** Sets the wall clock of server and clients forward or back. */
  jumpWallClock?(ms: Millis): Promise<void>;
  /** Ends the server without warning and starts it again on the same data. */
  restart?(): Promise<void>;
  /** Puts bytes on a queue past the driver, as a stranger would. */
  putRaw?(queue: string, bytes: Uint8Array): Promise<void>;
  /** The server carries out this client's next call of that kind, and the answer is lost on the way. */
  cutReply?(client: OpenClient, call: CutCall): Promise<void>;
  /** From now on this client reaches nobody, and is told nothing: its packets vanish. */
  cutOff?(client: OpenClient): Promise<void>;
  /** Makes listeners of `to` miss at least one event; may use `from` to publish. */
  loseEvents?(from: OpenClient, to: OpenClient): Promise<void>;
  /** What the suites pass to `consume` of the mortal. Short where waits are real: they wait for a few leases in all. */
  readonly timing: { readonly lease: Millis; readonly sweep: Millis };
  close(): Promise<void>;
}

export type MakeServer = () => Promise<SuiteServer>;

/** A clock whose timers can be held: how a harness freezes a client that keeps time on the calling thread. */
export interface StoppableClock extends Clock {
  stop(): void;
  /** Goes on; what came due meanwhile runs now, once each. */
  go(): void;
}

/** Wraps a clock. While stopped, no timer runs and no sleep ends, but time goes on: what SIGSTOP does to a process. */
export function stoppableClock(inner: Clock): StoppableClock {
  let stopped = false;
  const missed = new Set<() => void>();
  const guard = (run: () => void): (() => void) => {
    return () => {
      if (stopped) missed.add(run);
      else run();
    };
  };
  const guarded = (begin: (run: () => void) => Disposable, run: () => void): Disposable => {
    const timer = begin(guard(run));
    return {
      [Symbol.dispose]: () => {
        missed.delete(run);
        timer[Symbol.dispose]();
      },
    };
  };
  return {
    now: () => inner.now(),
    monotonic: () => inner.monotonic(),
    async sleep(ms, signal) {
      await inner.sleep(ms, signal);
      if (stopped) await new Promise<void>((resolve) => void missed.add(resolve));
      signal.throwIfAborted();
    },
    every: (ms, run) => guarded((guardedRun) => inner.every(ms, guardedRun), run),
    after: (ms, run) => guarded((guardedRun) => inner.after(ms, guardedRun), run),
    stop: () => void (stopped = true),
    go() {
      stopped = false;
      const due = [...missed];
      missed.clear();
      for (const run of due) run();
    },
  };
}
