/** What this machine, or this container, gives to the process: a Node that is kept up, memory, files that may be open at once, and rights. */

import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import type { Check } from "../../port/check.ts";
import { byteText } from "../../wire/byte-text.ts";
import { rootIsMeant, rootUser, runsAsRoot } from "../root-user.ts";

/** A web server has one for each browser that watches; a worker a handful for each child. */
const enoughFiles = 4096;
const tooFewFiles = 256;
/** A worker of 70 MB, and two children of as much with something to do. */
const littleMemory = 512 * 2 ** 20;

export function machineChecks(): readonly Check[] {
  return [node(), memory(), ...openFiles(readLimits()), user()];
}

function node(): Check {
  const { lts } = process.release;
  const text = `Node ${process.versions.node}`;
  if (lts !== undefined) return { topic: "node", verdict: "ok", text: `${text}, long-term support "${lts}"` };
  const why = `${text} has no long-term support`;
  return { topic: "node", verdict: "warning", text: why, remedy: "Run an even major version that is maintained." };
}

/** Run where a worker runs, and as whom it does. */
function user(): Check {
  const topic = "user";
  if (!runsAsRoot()) return { topic, verdict: "ok", text: "this process is not root's" };
  if (rootIsMeant()) return { topic, verdict: "ok", text: "this process runs as root, as CELERIAC_ALLOW_ROOT says" };
  return { topic, verdict: "warning", text: rootUser.text, remedy: rootUser.remedy };
}

/** Of the container if it has a limit, or else of the machine. */
function memory(): Check {
  const limit = process.constrainedMemory();
  const contained = limit > 0 && limit < totalmem();
  const most = contained ? limit : totalmem();
  const text = `${byteText(most)} for this ${contained ? "container" : "machine"}, ${byteText(process.availableMemory())} free`;
  if (most >= littleMemory) return { topic: "memory", verdict: "ok", text };
  const remedy = "Raise the limit, or run one child: --processes 1 --kill-rss 256M.";
  return { topic: "memory", verdict: "warning", text: `${text}: a child more, and the kernel ends one`, remedy };
}

function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
}

/** `limits` as /proc/PID/limits has them; nothing where there is no such file. Node raises the soft limit to the hard one when it starts. */
export function openFiles(limits: string): readonly Check[] {
  const [, most = ""] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
  if (most === "") return [];
  const text = `${most} files and connections may be open`;
  const topic = "file-limit";
  if (most === "unlimited" || Number(most) >= enoughFiles) return [{ topic, verdict: "ok", text }];
  const remedy = "LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536.";
  return [{ topic, verdict: Number(most) < tooFewFiles ? "failed" : "warning", text, remedy }];
}
