/** Is this server one to trust tasks to? Asked once at `open`, from INFO alone: managed servers often forbid CONFIG. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Warning } from "../../port/units.ts";
import { readInfo } from "./server-facts.ts";

export interface Fitness {
  readonly major: number;
  readonly warnings: readonly Warning[];
}

/** BLMOVE, ZMSCORE and RPOP with a count came with it. */
const oldest = [6, 2] as const;

/** Throws BACKEND_VERSION, BACKEND_REFUSED or EVICTION_ENABLED. */
export function checkServer(info: string, name: string, allowEviction: boolean): Fitness {
  const facts = readInfo(info);
  const version = facts.get("redis_version") ?? "0.0";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))
    throw new CeleriacError("BACKEND_VERSION", `${name} is Redis ${version}; at least 6.2 is needed, or Valkey 7.2.`, {
      details: { version },
    });
  if (facts.get("cluster_enabled") === "1")
    throw new CeleriacError(
      "BACKEND_REFUSED",
      `${name} is a node of a Redis Cluster, where the keys of one task lie on several servers; use a single server or one with replicas.`,
    );
  const warnings: Warning[] = [];
  const policy = facts.get("maxmemory_policy") ?? "noeviction";
  if (policy.startsWith("allkeys-")) {
    const text = `${name} has maxmemory-policy ${policy}: when its memory is used up it deletes any key, also queues with tasks in them. Set it to noeviction`;
    if (!allowEviction)
      throw new CeleriacError("EVICTION_ENABLED", `${text}, or pass allowEviction: true to accept the loss.`);
    warnings.push({ code: "EVICTION_ENABLED", text: `${text}.` });
  } else if (policy.startsWith("volatile-")) {
    warnings.push({
      code: "EVICTION_VOLATILE",
      text:
        `${name} has maxmemory-policy ${policy}: when its memory is used up it deletes keys that expire. Tasks stay, but results, ` +
        "dead letters, checkpoints and the memory of ids that were enqueued before can be lost. Set it to noeviction.",
    });
  }
  if (facts.get("aof_enabled") !== "1") {
    const snapshots = facts.get("rdb_last_save_time") !== undefined && facts.get("rdb_saves") !== "0";
    warnings.push({
      code: "NOT_DURABLE",
      text:
        `${name} keeps no append-only file: when the server crashes or is killed, every task and result accepted since its last ` +
        `snapshot${snapshots ? "" : " (there may be none)"} is lost. Set appendonly yes.`,
    });
  }
  return { major, warnings };
}
