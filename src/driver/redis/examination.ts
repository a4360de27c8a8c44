/**
 * Is this server set up to keep tasks? From INFO, which every login may read, and from CONFIG and ACL where this one may. Of a server on this
 * machine the disk and the kernel's settings are looked at too.
 */

import { readFileSync, statfsSync } from "node:fs";
import type { Check } from "../../port/check.ts";
import { byteText } from "../../wire/byte-text.ts";
import type { Context } from "./context.ts";
import { LinkError } from "./failure.ts";
import { memoryChecks } from "./memory-check.ts";
import { persistenceChecks } from "./persistence-check.ts";
import { readInfo, readPairs, type ServerFacts } from "./server-facts.ts";
import { thisMachine } from "./trust.ts";

/** A Redis answers a blocked client within seconds; what is idle for shorter is not dead. */
const shortestTimeout = 300;
/** Of `maxclients`, above which a deploy that doubles the workers may find no room. */
const crowded = 0.8;

export async function examine(context: Context): Promise<readonly Check[]> {
  const { link, location } = context;
  const info = readInfo(String(await link.call("INFO", [])));
  const config = await allowed(async () => readPairs(await link.call("CONFIG", ["GET", "*"])));
  const local = thisMachine.test(location.host) && isServer(info.get("process_id"));
  const overcommit = local ? read("/proc/sys/vm/overcommit_memory") : undefined;
  return [
    ...persistenceChecks(info, config),
    ...diskChecks(local ? config?.get("dir") : undefined),
    evictionCheck(info),
    ...memoryChecks(info, overcommit),
    ...connectionChecks(info, config),
    ...timeoutChecks(config),
    ...doorChecks(flagsOf(await allowed(() => link.call("ACL", ["GETUSER", "default"]))), config),
    versionCheck(info),
  ];
}

/** `undefined` where this login may not ask, or the server has no such command. */
async function allowed<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof LinkError) throw error;
    return undefined;
  }
}

function evictionCheck(info: ServerFacts): Check {
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  const topic = "eviction";
  const remedy = "Set maxmemory-policy noeviction.";
  if (policy === "noeviction") return { topic, verdict: "ok", text: "maxmemory-policy noeviction: nothing is deleted" };
  if (policy.startsWith("allkeys-")) {
    const text = `maxmemory-policy ${policy}: a full server deletes queues with the tasks in them`;
    return { topic, verdict: "failed", text, remedy };
  }
  const text = `maxmemory-policy ${policy}: a full server deletes results, dead letters and checkpoints`;
  return { topic, verdict: "warning", text, remedy };
}

function connectionChecks(info: ServerFacts, config: ServerFacts | undefined): readonly Check[] {
  const most = Number(info.get("maxclients") ?? config?.get("maxclients") ?? 0);
  const now = Number(info.get("connected_clients") ?? 0);
  if (most === 0) return [];
  const text = `${String(now)} of at most ${String(most)} clients are connected`;
  const topic = "connections";
  if (now < most * crowded) return [{ topic, verdict: "ok", text }];
  const remedy =
    "Raise maxclients, and the open-file limit of the server with it; each worker has three or more connections.";
  return [{ topic, verdict: "warning", text: `${text}: a deploy that doubles the workers may be refused`, remedy }];
}

function timeoutChecks(config: ServerFacts | undefined): readonly Check[] {
  const topic = "timeouts";
  if (config === undefined) {
    const text =
      "this login may not read the server's settings (CONFIG GET), so appendfsync, timeout and tcp-keepalive were not seen";
    return [
      { topic, verdict: "warning", text, remedy: "Look at them yourself, or run the doctor once as an administrator." },
    ];
  }
  const idle = Number(config.get("timeout") ?? 0);
  const alive = Number(config.get("tcp-keepalive") ?? 0);
  const checks: Check[] = [];
  if (idle > 0 && idle < shortestTimeout) {
    const text = `timeout ${String(idle)}: the server hangs up on clients that say nothing for ${String(idle)} s, which idle producers do all the time`;
    checks.push({ topic, verdict: "warning", text, remedy: `Set timeout 0, or at least ${String(shortestTimeout)}.` });
  }
  if (alive === 0) {
    const text = "tcp-keepalive 0: connections of machines that have died stay open for hours";
    checks.push({ topic, verdict: "warning", text, remedy: "Set tcp-keepalive 300." });
  }
  if (checks.length > 0) return checks;
  return [
    {
      topic,
      verdict: "ok",
      text: `idle clients stay (timeout ${String(idle)}), dead ones are noticed (tcp-keepalive ${String(alive)})`,
    },
  ];
}

/** Of the user that everybody is who comes without a login; `undefined` where this login may not ask. */
function flagsOf(user: unknown): readonly unknown[] | undefined {
  const flags: unknown = Array.isArray(user) ? user[user.indexOf("flags") + 1] : undefined;
  return Array.isArray(flags) ? flags : undefined;
}

/** A password in the URL says nothing about those who come without one. */
export function doorChecks(flags: readonly unknown[] | undefined, config: ServerFacts | undefined): readonly Check[] {
  if (flags === undefined) return [];
  const topic = "password";
  if (!flags.includes("on") || !flags.includes("nopass"))
    return [{ topic, verdict: "ok", text: "the server lets nobody in without a login" }];
  const bound = (config?.get("bind") ?? "").split(/\s+/).map((address) => address.replace(/^-/, ""));
  const closed = config?.get("protected-mode") === "yes" || bound.every((address) => thisMachine.test(address));
  if (closed) {
    const text = "no password is needed, from this machine alone";
    return [{ topic, verdict: "ok", text }];
  }
  const text =
    "no password is needed, from any machine that reaches it: whoever does can run your tasks and read all results";
  return [{ topic, verdict: "failed", text, remedy: "Set requirepass or ACL users, and the login in the URL." }];
}

function versionCheck(info: ServerFacts): Check {
  const valkey = info.get("valkey_version");
  const text = valkey === undefined ? `Redis ${info.get("redis_version") ?? "?"}` : `Valkey ${valkey}`;
  return { topic: "version", verdict: "ok", text };
}

/** An append-only file is written anew beside itself, so as much again is needed; under this there is no room for a bad day. */
const littleRoom = 2 * 2 ** 30;
const noRoom = 256 * 2 ** 20;

function diskChecks(directory: string | undefined): readonly Check[] {
  if (directory === undefined) return [];
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  const text = `${byteText(free)} are free where the server keeps its files`;
  if (free >= littleRoom) return [{ topic: "disk", verdict: "ok", text }];
  const remedy = "Make room: a server that cannot write its file refuses all writes.";
  return [{ topic: "disk", verdict: free < noRoom ? "failed" : "warning", text, remedy }];
}

/** Whoever is at the other end of a loopback address may be a container, or a tunnel. */
function isServer(pid: string | undefined): boolean {
  return /^(?:redis|valkey)/.test(read(`/proc/${pid ?? ""}/comm`) ?? "");
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
