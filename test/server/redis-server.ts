/**
 * A private redis-server from the installed binary: own port on 127.0.0.1, own directory, ended by its pid.
 * What it wrote survives `kill` and `restart`, and is removed by `stop`.
 */

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { end, runs } from "./child-process.ts";
import { freePort } from "./free-port.ts";
import { requireProgram } from "./required-program.ts";

export interface RedisServerOptions {
  /** `appendonly yes`, `appendfsync everysec`. Default false: nothing on disk, which is the fastest. */
  readonly appendonly?: boolean;
  readonly password?: string;
  /** As in redis.conf, `"3mb"`; with `noeviction` unless `config` says otherwise. */
  readonly maxmemory?: string;
  /** Any other line of redis.conf, name to value. */
  readonly config?: Readonly<Record<string, string>>;
  /** Where its directory is made. Default: where the system keeps temporary files. */
  readonly parent?: string;
  /** Added to the environment of the server. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RedisServer {
  /** With the password, if there is one; database 0. */
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now; changes with `restart`. */
  readonly pid: number;
  readonly dir: string;
  /** SIGKILL by default, and waits for the end of the process; SIGSTOP and SIGCONT are only sent. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and directory, ending it first if it still runs: what it has answered by then, it still knows. */
  restart(): Promise<void>;
  /** Ends the process and removes its directory. Safe twice. */
  stop(): Promise<void>;
  /** Runs redis-cli against it and returns what it printed, trimmed. */
  cli(...args: readonly string[]): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How long a server may take to answer its first PING; loading a large AOF on a busy machine takes seconds. */
const startLimit = 120_000;
/** Another process may take the port between our look and the server's bind. */
const portTries = 5;

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  requireProgram("redis-server");
  const dir = await mkdtemp(join(options.parent ?? tmpdir(), "celeriac-redis-"));
  for (let attempt = 1; ; attempt++) {
    const server = new PrivateRedis(options, dir, await freePort());
    try {
      await server.start();
      return server;
    } catch (error) {
      if (attempt < portTries && String(error).includes("Address already in use")) continue;
      await server.stop();
      throw error;
    }
  }
}

class PrivateRedis implements RedisServer {
  readonly port: number;
  readonly dir: string;
  readonly #options: RedisServerOptions;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(options: RedisServerOptions, dir: string, port: number) {
    this.#options = options;
    this.dir = dir;
    this.port = port;
  }

  get url(): string {
    const login = this.#options.password === undefined ? "" : `:${encodeURIComponent(this.#options.password)}@`;
    return `redis://${login}127.0.0.1:${this.port}/0`;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("this redis-server does not run");
    return pid;
  }

  async start(): Promise<void> {
    const lines: Record<string, string> = {
      bind: "127.0.0.1",
      port: String(this.port),
      dir: this.dir,
      daemonize: "no",
      save: "",
      appendonly: this.#options.appendonly === true ? "yes" : "no",
      appendfsync: "everysec",
      loglevel: "notice",
      ...(this.#options.password === undefined ? {} : { requirepass: this.#options.password }),
      ...(this.#options.maxmemory === undefined
        ? {}
        : { maxmemory: this.#options.maxmemory, "maxmemory-policy": "noeviction" }),
      ...this.#options.config,
    };
    const args = Object.entries(lines).flatMap(([name, value]) => [`--${name}`, value]);
    const env = { ...process.env, ...this.#options.env };
    const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "pipe"], env });
    this.#child = child;
    this.#output = "";
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-8192);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    // The test process may be ended from outside; a server that outlives it would hold its port for ever.
    const endIt = (): void => void child.kill("SIGKILL");
    process.once("exit", endIt);
    child.once("exit", () => process.off("exit", endIt));
    await this.#ready(child);
  }

  async #ready(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + startLimit;
    for (;;) {
      if (!runs(child)) throw new Error(`redis-server ended at once:\n${this.#output}`);
      // Until it says so itself, who answers there may be the server of another test that took the port.
      if ((await answers(this.port)) && /ready to accept connections/i.test(this.#output)) return;
      if (performance.now() > deadline) throw new Error(`redis-server does not answer:\n${this.#output}`);
      // What it says comes in pieces; 10 ms is a tenth of its start time.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (!runs(child)) return;
    if (signal === "SIGSTOP" || signal === "SIGCONT") {
      child.kill(signal);
      return;
    }
    await end(child, signal);
  }

  async restart(): Promise<void> {
    // With `everysec` it answers up to two seconds before it writes, while an earlier fsync lasts: a test would lose what was promised.
    if (this.#options.appendonly === true) await this.cli("config", "set", "appendfsync", "no").catch(() => undefined);
    await this.kill();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.kill();
    this.#child = undefined;
    await rm(this.dir, { recursive: true, force: true });
  }

  async cli(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)("redis-cli", ["-h", "127.0.0.1", "-p", String(this.port), ...args], {
      env: {
        ...process.env,
        ...(this.#options.password === undefined ? {} : { REDISCLI_AUTH: this.#options.password }),
      },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trimEnd();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Ready means: answers PING, and is past LOADING; NOAUTH is an answer too. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let reply = "";
    socket.setTimeout(1000, () => socket.destroy());
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.on("data", (chunk: Buffer) => {
      reply += chunk.toString();
      if (reply.includes("\r\n")) socket.end();
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(reply.startsWith("+PONG") || reply.startsWith("-NOAUTH")));
  });
}
