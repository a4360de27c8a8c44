/** A Python process of the suite: a client that runs code given to it, or a Celery worker. Each reports its own Celery version. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Release } from "./release.ts";

const folder = fileURLToPath(new URL("./python/", import.meta.url));
/** The longest wait of a client for anything; what takes longer does not happen. */
const patience = 150_000;

/** What `tasks.py` reads from its environment. */
export interface PythonSetup {
  readonly release: Release;
  readonly broker: string;
  readonly results: string;
  /** Celery's settings, by their names there. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** What Python raised. */
export class PythonError extends Error {
  override readonly name: string = "PythonError";
  /** With its module. */
  readonly type: string;
  /** The class and all it descends from, in Python's order. */
  readonly bases: readonly string[];
  readonly args: readonly unknown[];
  readonly text: string;

  constructor(told: Pick<PythonError, "type" | "bases" | "args" | "text"> & { readonly traceback: string }) {
    super(`${told.type}: ${told.text}\n${told.traceback}`);
    this.type = told.type;
    this.bases = told.bases;
    this.args = told.args;
    this.text = told.text;
  }
}

class PythonProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  #output = "";
  #line: (line: string) => void = () => {};
  readonly #end = (): void => this.#kill("SIGKILL");

  constructor({ release, broker, results, settings }: PythonSetup, script: string, args: readonly string[]) {
    this.child = spawn(release.interpreter, [script, ...args], {
      cwd: folder,
      env: {
        ...process.env,
        INTEROP_BROKER: broker,
        INTEROP_BACKEND: results,
        INTEROP_CONF: JSON.stringify(settings ?? {}),
        PYTHONDONTWRITEBYTECODE: "1",
        PYTHONUNBUFFERED: "1",
        PYTHONWARNINGS: "ignore",
        C_FORCE_ROOT: "1",
      },
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own, so that a prefork worker's children end with it.
      detached: true,
    });
    this.child.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => (this.#output = (this.#output + text).slice(-20_000)));
    if (this.child.stdout !== null)
      createInterface({ input: this.child.stdout }).on("line", (line) => this.#line(line));
    process.once("exit", this.#end);
    this.exited = once(this.child, "close").then(() => void process.off("exit", this.#end));
  }

  /** What it wrote on its standard error, its log among it. */
  get output(): string {
    return this.#output;
  }

  protected onLine(take: (line: string) => void): void {
    this.#line = take;
  }

  /** To the whole group. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#kill(signal);
    await this.exited;
  }

  #kill(signal: NodeJS.Signals): void {
    if (this.child.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null) return;
    process.kill(-this.child.pid, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end("SIGKILL");
  }
}

/** Runs Python code, one piece after the other; names that one sets, later ones see. */
export class PythonClient extends PythonProcess {
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #last = 0;
  #celery = "";

  private constructor(setup: PythonSetup) {
    super(setup, "client.py", []);
    this.onLine((line) => {
      const reply = JSON.parse(line) as Reply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    void this.exited.then(() => {
      for (const [id, tell] of this.#waiting) tell({ id });
    });
  }

  static async start(setup: PythonSetup): Promise<PythonClient> {
    const client = new PythonClient(setup);
    client.#celery = String(await client.run("celery.__version__"));
    return client;
  }

  /** As this process said it. */
  get celery(): string {
    return this.#celery;
  }

  /** The value of the last expression, as JSON leaves it (what JSON lacks: its `repr`). Code sees `data` as `given`. */
  async run(code: string, data?: unknown): Promise<unknown> {
    const id = ++this.#last;
    const reply = await new Promise<Reply>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`Python did not answer to:\n${code}\n${this.output}`)), patience);
      this.#waiting.set(id, (told) => {
        clearTimeout(late);
        resolve(told);
      });
      this.child.stdin?.write(`${JSON.stringify({ id, code, given: data })}\n`);
    });
    if (reply.error !== undefined) throw new PythonError(reply.error);
    if (!("value" in reply)) throw new Error(`Python ended during:\n${code}\n${this.output}`);
    return reply.value;
  }
}

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: ConstructorParameters<typeof PythonError>[0];
}

/** `celery worker`, ready. */
export class PythonWorker extends PythonProcess {
  /** Its node name. */
  readonly node: string;
  #celery = "";

  private constructor(setup: PythonSetup, queue: string, args: readonly string[]) {
    const node = `py${String(process.pid)}-${queue}@${hostname()}`;
    super(setup, "worker.py", ["-Q", queue, "-n", node, ...args]);
    this.node = node;
  }

  /** `args` as for `celery worker`. Rejects if it ends before it is ready. */
  static async start(setup: PythonSetup, queue: string, ...args: readonly string[]): Promise<PythonWorker> {
    const worker = new PythonWorker(setup, queue, args);
    const ready = new Promise<string>((resolve) => worker.onLine(resolve));
    const line = await Promise.race([ready, worker.exited]);
    if (line === undefined) throw new Error(`the Python worker ended at once:\n${worker.output}`);
    worker.#celery = (JSON.parse(line) as { celery: string }).celery;
    return worker;
  }

  get celery(): string {
    return this.#celery;
  }
}
