/** Is this file a place to keep tasks for good? What a loss of power leaves, who may read it, and whether there is room. */

import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { Check } from "../../port/check.ts";
import { byteText } from "../../wire/byte-text.ts";
import { modeOf } from "./file-mode.ts";
import { freeBytes } from "./host.ts";
import { largeLog, pinnedText } from "./pinned-log.ts";

/** The log may grow as large as what waits before it is folded in; under this there is no room for a bad day. */
const littleRoom = 2 * 2 ** 30;
/** As a full disk: what is accepted then is what the ballast leaves room for. */
const noRoom = 64 * 2 ** 20;
/** Read and write for others than the owner. */
const others = 0o066;

export function examine(path: string, durability: "power" | "process"): readonly Check[] {
  return [keeping(durability), secrecy(path), room(path), ...log(path)];
}

function keeping(durability: "power" | "process"): Check {
  const topic = "persistence";
  if (durability === "power")
    return {
      topic,
      verdict: "ok",
      text: "durability=power (synchronous=FULL): what was accepted survives a loss of power",
    };
  const text = "durability=process (synchronous=NORMAL): a loss of power costs the last tasks and results";
  return { topic, verdict: "warning", text, remedy: "Leave durability out of the URL, unless that is what you want." };
}

function secrecy(path: string): Check {
  const mode = modeOf(path);
  const text = `${path} has mode ${mode.toString(8)}`;
  const topic = "password";
  if ((mode & others) === 0) return { topic, verdict: "ok", text: `${text}: its owner's alone` };
  const why = `${text}: other users of this machine read the arguments of all tasks, or send their own`;
  return { topic, verdict: "warning", text: why, remedy: `chmod 600 ${path}` };
}

function room(path: string): Check {
  const free = freeBytes(dirname(path));
  const topic = "disk";
  if (free === Infinity) return { topic, verdict: "ok", text: "the system does not tell how much is free" };
  const text = `${byteText(free)} are free where ${path} lies`;
  if (free >= littleRoom) return { topic, verdict: "ok", text };
  const remedy = "Make room: on a full disk nothing is accepted.";
  return { topic, verdict: free < noRoom ? "failed" : "warning", text, remedy };
}

function log(path: string): readonly Check[] {
  const size = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (size < largeLog) return [];
  const text = `${pinnedText(path, size)}: it grows until that is gone`;
  return [{ topic: "disk", verdict: "warning", text, remedy: "End long reads, and processes that were stopped." }];
}
