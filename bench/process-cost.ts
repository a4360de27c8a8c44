/** What processes cost: CPU and memory from /proc, so that servers, children of pools and peers are counted alike. Linux only. */

import { readdirSync, readFileSync } from "node:fs";

/** Kernel ticks a second; 100 on every Linux that Node runs on. One tick, 10 ms, is the resolution of every CPU figure. */
const ticks = 100;

interface Stat {
  readonly parent: number;
  readonly cpuMs: number;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is a name in brackets and may hold blanks.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // Own time and that of children that have ended.
    const spent = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    return { parent: Number(fields[1]), cpuMs: (spent * 1000) / ticks };
  } catch {
    return undefined;
  }
}

/** `pid` and everything it started that still runs. */
export function processTree(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    const child = Number(entry);
    const parent = Number.isInteger(child) ? statOf(child)?.parent : undefined;
    if (parent === undefined) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [child]);
    else siblings.push(child);
  }
  const tree = [pid];
  for (const each of tree) tree.push(...(children.get(each) ?? []));
  return tree;
}

/** CPU milliseconds that `pid` and its descendants have used since their start. */
export function cpuOf(pid: number): number {
  return processTree(pid).reduce((sum, each) => sum + (statOf(each)?.cpuMs ?? 0), 0);
}

/** Resident memory of `pid` and its descendants, MB. Pages shared among them count once for each. */
export function rssOf(pid: number): number {
  return processTree(pid).reduce((sum, each) => sum + residentOf(each), 0);
}

function residentOf(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return Number(kilobytes ?? 0) / 1024;
  } catch {
    return 0;
  }
}

export interface Steal {
  readonly total: number;
  readonly stolen: number;
  readonly busy: number;
}

/** Ticks of the whole machine so far: all, those the hypervisor took away, and those that anybody used. */
export function machineTicks(): Steal {
  const line = /^cpu\s+(.*)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1] ?? "";
  const fields = line.trim().split(/\s+/).map(Number);
  const total = fields.slice(0, 8).reduce((sum, field) => sum + field, 0);
  return { total, stolen: fields[7] ?? 0, busy: total - (fields[3] ?? 0) - (fields[4] ?? 0) };
}
