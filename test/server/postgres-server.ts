/**
 * A private PostgreSQL from the installed binaries: own port on 127.0.0.1, own directory, ended by its pid. It refuses to run as root, so
 * there it runs as `nobody`.
 */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { end, runs } from "./child-process.ts";
import { freePort } from "./free-port.ts";
import type { Need } from "./required-program.ts";
import { unprivileged } from "./unprivileged.ts";

const versions = "/usr/lib/postgresql";
const startLimit = 120_000;

/** Debian keeps the binaries of each version beside the search path. */
function binaries(): string | undefined {
  const found = existsSync(versions) ? readdirSync(versions) : [];
  return found
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(versions, version, "bin"))
    .find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

export const postgresNeed: Need = {
  program: "postgres",
  install: "apt-get install postgresql",
  available: binaries() !== undefined,
};

export interface PostgresServer {
  /** Of the database "postgres", as its superuser. */
  readonly url: string;
  /** SIGKILL by default: its connections break, what was committed stays. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Ends it and removes its directory. Safe twice. */
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const folder = binaries();
  if (folder === undefined) throw new Error(`postgres is not installed: ${postgresNeed.install}`);
  const who = unprivileged();
  const dir = mkdtempSync(join(tmpdir(), "celeriac-postgres-"));
  if (who !== undefined) chownSync(dir, who.uid, who.gid);
  const data = join(dir, "data");
  execFileSync(join(folder, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"], {
    ...who,
    cwd: dir,
    stdio: "pipe",
  });
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const flags = ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", dir, "-c", "fsync=off"];
    const started = spawn(join(folder, "postgres"), flags, { ...who, cwd: dir, stdio: ["ignore", "ignore", "pipe"] });
    child = started;
    let output = "";
    started.stderr.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4096)));
    const endIt = (): void => void started.kill("SIGQUIT");
    process.once("exit", endIt);
    started.once("exit", () => process.off("exit", endIt));
    await ready(url, started, () => output);
  };
  const kill = async (): Promise<void> => {
    // An immediate shutdown is PostgreSQL's own crash: SIGKILL of the postmaster would leave its children behind.
    if (runs(child)) await end(child, "SIGQUIT");
  };
  const server: PostgresServer = {
    url,
    kill,
    async restart() {
      await kill();
      await start();
    },
    async stop() {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await start();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function ready(url: string, child: ChildProcess, output: () => string): Promise<void> {
  const deadline = performance.now() + startLimit;
  for (;;) {
    if (!runs(child)) throw new Error(`postgres ended at once:\n${output()}`);
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      if (performance.now() > deadline) throw new Error(`postgres does not answer:\n${output()}`);
    }
    // It says nothing that could be waited for; 20 ms is a small part of its start.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
