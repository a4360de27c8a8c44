/**
 * Celery in a Python process of its own: the newest release of the interop suite that is installed, with Celery's defaults (acknowledged
 * early), without gossip, mingling, heartbeats and logs, and on RabbitMQ with confirms. It has no way to send many at once and waits for
 * each answer: a producer is a loop around `apply_async`.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { releases } from "../../test/interop/release.ts";
import { type Payload, payloadOf, type System, type SystemOptions } from "./system.ts";

/** Messages that a process or thread may have in hand. Celery's default of 4 is few for processes; 64 were no faster. */
const prefetch: Readonly<Record<Pool, number>> = { prefork: 32, threads: 4 };
type Pool = "prefork" | "threads";

export function celerySystem(pool: Pool): System {
  return {
    async openProducer(options) {
      const python = new Python("produce", pool, options);
      await python.next();
      return {
        send: (payload) => python.send(payload, 1),
        sendMany: (payloads) => python.send(payloads[0], payloads.length),
        sendAll: (payload, count) => python.send(payload, count),
        chord: (members) => python.chord(members),
        probe: () => Promise.reject(new Error("Celery's latency is not measured")),
        close: () => python.end(),
      };
    },
    async openWorker(options, done) {
      const python = new Python("work", pool, options);
      await python.next();
      python.onByte = done;
      return { close: () => python.end() };
    },
  };
}

class Python {
  /** Once for each byte that it writes. */
  onByte: () => void = () => {};
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(what: "produce" | "work", pool: Pool, { address, results, concurrency }: SystemOptions) {
    const setup = {
      broker: address,
      results: results ?? address,
      pool,
      concurrency: pool === "prefork" ? availableParallelism() : concurrency,
      prefetch: prefetch[pool],
    };
    const child = spawn(celeryPython().interpreter, [join(import.meta.dirname, "celery_app.py"), what], {
      env: {
        ...process.env,
        CELERIAC_BENCH_CELERY: JSON.stringify(setup),
        C_FORCE_ROOT: "1",
        PYTHONDONTWRITEBYTECODE: "1",
        PYTHONWARNINGS: "ignore",
      },
      stdio: ["pipe", "pipe", "inherit"],
      // A group of its own, which it ends with itself: a prefork worker has children.
      detached: true,
    });
    child.stdout?.on("data", (chunk: Buffer) => {
      for (let byte = 0; byte < chunk.length; byte++) this.onByte();
    });
    this.#child = child;
    this.#exited = once(child, "exit");
  }

  /** Resolves with the next byte. */
  async next(): Promise<void> {
    const answered = new Promise<void>((resolve) => (this.onByte = resolve));
    const ended = this.#exited.then(() => Promise.reject(new Error("the Python process ended")));
    await Promise.race([answered, ended]);
  }

  async send(payload: Payload | undefined, count: number): Promise<void> {
    if (payload === undefined) return;
    const sent = this.next();
    this.#child.stdin?.write(`${JSON.stringify({ payload, count })}\n`);
    await sent;
  }

  async chord(members: number): Promise<void> {
    const ended = this.next();
    this.#child.stdin?.write(`${JSON.stringify({ payload: payloadOf(1_000_000, 100), members })}\n`);
    await ended;
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    await this.#exited;
  }
}

interface CeleryPython {
  readonly interpreter: string;
  readonly version: string;
}

/** Throws where none is installed. */
export function celeryPython(): CeleryPython {
  const release = [releases["5.6"], releases["5.2"]].find(({ available }) => available);
  if (release === undefined)
    throw new Error(`no Celery; install one: ${releases["5.6"].install}, or leave it out: --peers none`);
  const look = spawnSync(release.interpreter, ["-c", "import celery; print(celery.__version__)"], { encoding: "utf8" });
  return { interpreter: release.interpreter, version: look.stdout.trim() };
}
