/** What a restart, a crash of the server and a loss of power leave of the tasks. */

import type { Check } from "../../port/check.ts";
import type { ServerFacts } from "./server-facts.ts";

const topic = "persistence";
const appendOnly = "Set appendonly yes and appendfsync everysec.";

export function persistenceChecks(info: ServerFacts, config: ServerFacts | undefined): readonly Check[] {
  return [...writing(info), keeping(info, config)];
}

/** Is what it is set to do being done? */
function writing(info: ServerFacts): readonly Check[] {
  const checks: Check[] = [];
  const remedy = "See the server's log: the disk is full, or its directory may not be written.";
  const anew =
    " Then call BGREWRITEAOF: Redis 7.0 may have left a hole in the file, and would not start again with it.";
  if (info.get("aof_enabled") === "1" && info.get("aof_last_write_status") === "err")
    checks.push({
      topic,
      verdict: "failed",
      text: "the last write to the append-only file failed",
      remedy: remedy + anew,
    });
  if (info.get("rdb_last_bgsave_status") === "err")
    checks.push({ topic, verdict: "failed", text: "the last snapshot failed: the server refuses all writes", remedy });
  return checks;
}

function keeping(info: ServerFacts, config: ServerFacts | undefined): Check {
  if (info.get("aof_enabled") === "1") {
    const sync = config?.get("appendfsync");
    if (sync === "no") {
      const text = "append-only file, appendfsync no: a loss of power costs half a minute of tasks";
      return { topic, verdict: "warning", text, remedy: "Set appendfsync everysec." };
    }
    const most = sync === "always" ? "nothing that was accepted" : "at most about a second";
    const said =
      sync === undefined ? "append-only file" : `append-only file, appendfsync ${sync}: a loss of power costs ${most}`;
    return { topic, verdict: "ok", text: said };
  }
  // A managed server may hide its settings, and replicate instead of writing to a disk.
  const snapshots = config?.get("save");
  if (snapshots === "") {
    const text = "neither an append-only file nor snapshots: every restart of the server loses all tasks and results";
    return { topic, verdict: "failed", text, remedy: appendOnly };
  }
  const text = "no append-only file: a crash of the server loses what was accepted since its last snapshot";
  return { topic, verdict: "warning", text, remedy: appendOnly };
}
