/** The facts without which no figure means anything, printed and stored with every run. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { celeriac } from "./installation.ts";
import { machineTicks, type Steal } from "./process-cost.ts";
import { celeryPython } from "./system/celery.ts";

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly redis: string;
  /** "" where it was not measured. */
  readonly rabbitmq: string;
  /** Of the build that is measured. */
  readonly commit: string;
  /** File system under the database files. */
  readonly disk: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly loadBefore: number;
}

/** `measured`: names of brokers and peers. */
export function machineFacts(measured: readonly string[]): Machine {
  const processors = cpus();
  return {
    cores: processors.length,
    cpu: processors[0]?.model.trim() ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    redis: /v=(\S+)/.exec(said("redis-server", "--version"))?.[1] ?? "none",
    rabbitmq: measured.some((name) => name.startsWith("rabbitmq")) ? rabbitVersion() : "",
    commit: readFileSync(join(celeriac, "commit"), "utf8").trim(),
    disk: said("stat", "-f", "-c", "%T", tmpdir()),
    versions: {
      ...versionsOf(["bullmq", "ioredis", "bee-queue", "plainjob", "amqplib"]),
      ...(measured.some((name) => name.startsWith("celery")) && { celery: celeryPython().version }),
    },
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

/** What else happened on the machine while we measured: both in percent of all cores' time. */
export function disturbance(before: Steal): { readonly stolen: number; readonly busy: number } {
  const after = machineTicks();
  const total = Math.max(1, after.total - before.total);
  const share = (ticks: number): number => Math.round((1000 * ticks) / total) / 10;
  return { stolen: share(after.stolen - before.stolen), busy: share(after.busy - before.busy) };
}

function said(program: string, ...args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
}

/** Debian's program on the search path insists on the user `rabbitmq`; the package's own script runs as anybody. */
function rabbitVersion(): string {
  const packaged = "/usr/lib/rabbitmq/bin/rabbitmqctl";
  return said(existsSync(packaged) ? packaged : "rabbitmqctl", "version");
}

function versionsOf(names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    try {
      const text = readFileSync(join(celeriac, "..", name, "package.json"), "utf8");
      found[name] = (JSON.parse(text) as { version: string }).version;
    } catch {
      // Not installed: it is not measured either.
    }
  }
  return found;
}
