/**
 * A private RabbitMQ from the installed package: own ports on 127.0.0.1, own epmd, cookie, node name and directory, ended by its pids.
 * What was durable survives `kill` and `restart`, and is removed by `stop`. It takes seconds to start: one for each test file.
 */

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { end, runs } from "./child-process.ts";
import { freePort } from "./free-port.ts";
import { requireProgram } from "./required-program.ts";

export interface RabbitServerOptions {
  /** Lines of rabbitmq.conf, name to value. */
  readonly config?: Readonly<Record<string, string>>;
  /** Names of plugins, as in `rabbitmq_management`. Default none: each costs start time. */
  readonly plugins?: readonly string[];
  /** Paths of PEM files; then `tlsPort` listens too. With `verify` the server asks clients for a certificate of `ca`. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string; readonly verify?: boolean };
}

export interface RabbitServer {
  /** User guest, vhost `/`. */
  readonly url: string;
  readonly port: number;
  /** 0 without `tls`. */
  readonly tlsPort: number;
  /** Of the process that runs now; changes with `restart`. */
  readonly pid: number;
  readonly dir: string;
  /** SIGKILL by default, and waits for the end of the process; SIGTERM lets it end in order; SIGSTOP and SIGCONT are only sent. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same ports and directory, ending it first if it still runs. */
  restart(): Promise<void>;
  /** Ends the processes and removes the directory. Safe twice. */
  stop(): Promise<void>;
  /** Runs rabbitmqctl against it and returns what it printed, trimmed; about a second. */
  ctl(...args: readonly string[]): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A boot is 4 to 9 s on two idle cores, several times that when suites run beside it. */
const startLimit = 160_000;
/** Another process may take a port between our look and the server's bind. */
const portTries = 3;
/** Debian's program on the search path insists on the user `rabbitmq`; the package's own script runs as anybody. */
const packagedScripts = "/usr/lib/rabbitmq/bin";

export async function startRabbit(options: RabbitServerOptions = {}): Promise<RabbitServer> {
  requireProgram("rabbitmq-server");
  for (let attempt = 1; ; attempt++) {
    const dir = await mkdtemp(join(tmpdir(), "celeriac-rabbitmq-"));
    const [port, tlsPort, distPort, epmdPort] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const server = new PrivateRabbit(options, dir, { port, tlsPort, distPort, epmdPort });
    try {
      await server.prepare();
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (attempt < portTries && /eaddrinuse|in use/iu.test(String(error))) continue;
      throw error;
    }
  }
}

interface Ports {
  readonly port: number;
  readonly tlsPort: number;
  readonly distPort: number;
  readonly epmdPort: number;
}

class PrivateRabbit implements RabbitServer {
  readonly port: number;
  readonly tlsPort: number;
  readonly dir: string;
  readonly #options: RabbitServerOptions;
  readonly #ports: Ports;
  readonly #node: string;
  #epmd: ChildProcess | undefined;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(options: RabbitServerOptions, dir: string, ports: Ports) {
    this.#options = options;
    this.#ports = ports;
    this.dir = dir;
    this.port = ports.port;
    this.tlsPort = options.tls === undefined ? 0 : ports.tlsPort;
    this.#node = `celeriac-${ports.port}@localhost`;
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}//`;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("this RabbitMQ does not run");
    return pid;
  }

  /** Writes what the server reads at its start, once. */
  async prepare(): Promise<void> {
    const { tls } = this.#options;
    const lines: Record<string, string> = {
      "listeners.tcp.1": `127.0.0.1:${this.port}`,
      "log.file": "false",
      "log.console": "true",
      "log.console.level": "info",
      // Suites fill the machine's memory and disk as they like; alarms are set where a test wants one.
      "disk_free_limit.absolute": "1MB",
      ...(tls === undefined
        ? {}
        : {
            "listeners.ssl.1": `127.0.0.1:${this.tlsPort}`,
            "ssl_options.cacertfile": tls.ca,
            "ssl_options.certfile": tls.cert,
            "ssl_options.keyfile": tls.key,
            "ssl_options.verify": tls.verify === true ? "verify_peer" : "verify_none",
            "ssl_options.fail_if_no_peer_cert": String(tls.verify === true),
          }),
      ...this.#options.config,
    };
    const conf = Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`);
    await mkdir(join(this.dir, "home"));
    await writeFile(join(this.dir, "home", ".erlang.cookie"), `celeriac${this.port}`, { mode: 0o400 });
    await writeFile(join(this.dir, "rabbitmq.conf"), conf.join(""));
    await writeFile(join(this.dir, "plugins"), `[${(this.#options.plugins ?? []).join(",")}].\n`);
  }

  async start(): Promise<void> {
    if (!runs(this.#epmd))
      this.#epmd = this.#spawn("epmd", ["-port", String(this.#ports.epmdPort), "-address", "127.0.0.1"]);
    this.#output = "";
    const child = this.#spawn(script("rabbitmq-server"), ["-noinput"]);
    this.#child = child;
    const deadline = performance.now() + startLimit;
    while (!this.#output.includes("Server startup complete")) {
      if (!runs(child)) throw new Error(`RabbitMQ ended at once:\n${this.#output}`);
      if (performance.now() > deadline) throw new Error(`RabbitMQ does not start:\n${this.#output}`);
      // It says that it is ready in its log, which comes in pieces; 20 ms is nothing beside its start time.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #spawn(command: string, args: readonly string[]): ChildProcess {
    // A group of its own, so that helpers which the server starts end with it.
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: this.#env(), detached: true });
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-16_384);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", (error) => {
      this.#output += String(error);
    });
    // The test process may be ended from outside; a server that outlives it would hold its ports for ever.
    const endIt = (): void => signalGroup(child, "SIGKILL");
    process.once("exit", endIt);
    child.once("exit", () => process.off("exit", endIt));
    return child;
  }

  /** All that the scripts would take from the machine's own RabbitMQ is named, so that nothing of it is read. */
  #env(): NodeJS.ProcessEnv {
    const { distPort, epmdPort } = this.#ports;
    const kept = Object.entries(process.env).filter(([name]) => !/^(?:RABBITMQ|ERL)_/u.test(name));
    return {
      ...Object.fromEntries(kept),
      HOME: join(this.dir, "home"),
      LC_ALL: "C.UTF-8",
      ERL_EPMD_PORT: String(epmdPort),
      RABBITMQ_CONF_ENV_FILE: join(this.dir, "none.conf"),
      RABBITMQ_CONFIG_FILE: join(this.dir, "rabbitmq.conf"),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(this.dir, "none.config"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(this.dir, "plugins"),
      RABBITMQ_MNESIA_BASE: join(this.dir, "data"),
      RABBITMQ_LOG_BASE: join(this.dir, "log"),
      RABBITMQ_PID_FILE: join(this.dir, "pid"),
      RABBITMQ_NODENAME: this.#node,
      RABBITMQ_DIST_PORT: String(distPort),
      // The script becomes the server instead of watching over it: its pid is the server's.
      RABBITMQ_ALLOW_INPUT: "1",
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
    };
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (!runs(child)) return;
    if (signal === "SIGSTOP" || signal === "SIGCONT") return signalGroup(child, signal);
    await end(child, signal, signalGroup);
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.kill();
    this.#child = undefined;
    await end(this.#epmd, "SIGKILL", signalGroup);
    this.#epmd = undefined;
    await rm(this.dir, { recursive: true, force: true });
  }

  async ctl(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(script("rabbitmqctl"), ["-q", "-n", this.#node, ...args], {
      env: this.#env(),
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trimEnd();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

function script(name: string): string {
  const packaged = join(packagedScripts, name);
  try {
    accessSync(packaged, constants.X_OK);
    return packaged;
  } catch {
    return name;
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}
