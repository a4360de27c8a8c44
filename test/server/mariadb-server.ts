/** A private MariaDB from the installed binaries: own port on 127.0.0.1, own directory, ended by its pid. As root it runs as `nobody`. */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { end, runs } from "./child-process.ts";
import { freePort } from "./free-port.ts";
import type { Need } from "./required-program.ts";
import { unprivileged } from "./unprivileged.ts";

const server = "/usr/sbin/mariadbd";
const install = "/usr/bin/mariadb-install-db";
const startLimit = 120_000;

export const mariadbNeed: Need = {
  program: "mariadbd",
  install: "apt-get install mariadb-server",
  available: existsSync(server) && existsSync(install),
};

export interface MariadbServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** With an empty database "test", and root without a password. */
export async function startMariadb(): Promise<MariadbServer> {
  const who = unprivileged();
  const dir = mkdtempSync(join(tmpdir(), "celeriac-mariadb-"));
  if (who !== undefined) chownSync(dir, who.uid, who.gid);
  const data = join(dir, "data");
  const common = ["--no-defaults", `--datadir=${data}`];
  execFileSync(install, [...common, "--auth-root-authentication-method=normal", "--skip-test-db"], {
    ...who,
    cwd: dir,
    stdio: "pipe",
  });
  const port = await freePort();
  const flags = [
    ...common,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--socket=${join(dir, "socket")}`,
    `--pid-file=${join(dir, "pid")}`,
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=16M",
  ];
  const child = spawn(server, flags, { ...who, cwd: dir, stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4096)));
  const endIt = (): void => void child.kill("SIGKILL");
  process.once("exit", endIt);
  child.once("exit", () => process.off("exit", endIt));
  const stop = async (): Promise<void> => {
    if (runs(child)) await end(child, "SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await ready(port, child, () => output);
    return { port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ready(port: number, child: ChildProcess, output: () => string): Promise<void> {
  const deadline = performance.now() + startLimit;
  for (;;) {
    if (!runs(child)) throw new Error(`mariadbd ended at once:\n${output()}`);
    try {
      const connection = await createConnection({ host: "127.0.0.1", port, user: "root" });
      await connection.query("CREATE DATABASE IF NOT EXISTS test");
      await connection.end();
      return;
    } catch {
      if (performance.now() > deadline) throw new Error(`mariadbd does not answer:\n${output()}`);
    }
    // It says nothing that could be waited for; 20 ms is a small part of its start.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
