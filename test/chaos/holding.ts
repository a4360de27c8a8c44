/** What a process of this machine holds open, by the kernel's word: none where there is no `/proc`. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Holding {
  /** TCP connections in any state but listening; those that the other side has closed too. */
  readonly connections: number;
  /** Files with a path, each descriptor once. */
  readonly files: number;
  /** Its children. */
  readonly children: readonly number[];
}

/** `undefined` for one that has ended, or may not be looked at. */
export function holdingOf(pid: number): Holding | undefined {
  try {
    const sockets = connectedSockets();
    const targets = readdirSync(`/proc/${String(pid)}/fd`).map((fd) => linkOf(`/proc/${String(pid)}/fd/${fd}`));
    return {
      connections: targets.filter((target) => sockets.has(target)).length,
      files: targets.filter((target) => target.startsWith("/") && !target.startsWith("/dev/null")).length,
      children: childrenOf(pid),
    };
  } catch {
    return undefined;
  }
}

export function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8");
    return text
      .split(" ")
      .filter((part) => part !== "")
      .map(Number);
  } catch {
    return [];
  }
}

/** Others than this one whose environment has the entry, written `NAME=value`. */
export function processesWith(entry: string): readonly number[] {
  const pids = folderOf("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => pid !== process.pid && hasEntry(pid, entry));
}

function hasEntry(pid: number, entry: string): boolean {
  try {
    return readFileSync(`/proc/${String(pid)}/environ`, "utf8")
      .split("\0")
      .includes(entry);
  } catch {
    return false;
  }
}

function folderOf(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** It may have been closed since it was listed. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

const listening = "0A";
const [stateColumn, inodeColumn] = [3, 9];

/** As the descriptors of their processes name them. */
function connectedSockets(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const table of ["tcp", "tcp6"]) {
    for (const line of readFileSync(`/proc/net/${table}`, "utf8").split("\n").slice(1)) {
      const columns = line.trim().split(/\s+/);
      const inode = columns[inodeColumn];
      if (inode !== undefined && columns[stateColumn] !== listening) found.add(`socket:[${inode}]`);
    }
  }
  return found;
}
