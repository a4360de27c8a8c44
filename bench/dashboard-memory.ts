/** Where the memory of a process with several V8 threads is, as the kernel and V8 say. Linux only. */

import { readFileSync } from "node:fs";
import type { OwnMemory } from "./dashboard-own.ts";

/** MB, all of them resident. */
export interface MemoryParts {
  readonly rss: number;
  /** Node's binary and libraries, and other files that are mapped. */
  readonly files: number;
  /** Heap of the main thread, and of all others. */
  readonly mainHeap: number;
  readonly threadHeaps: number;
  /** `malloc`'s areas: of the main thread, and of all others, SQLite's cache among them. */
  readonly mainMalloc: number;
  readonly threadMalloc: number;
  /** Large single blocks of `malloc`, stacks, compiled code, and what V8 holds beside its heaps. */
  readonly rest: number;
}

interface Mapping {
  readonly from: number;
  readonly until: number;
  readonly access: string;
  readonly name: string;
  /** Bytes. */
  readonly resident: number;
}

/** glibc reserves the area of a thread as a whole, at a multiple of its length. */
const area = 64 * 2 ** 20;
const mb = 2 ** 20;

export function memoryParts(pid: number, own: OwnMemory): MemoryParts {
  return partsOf(mappingsIn(readFileSync(`/proc/${String(pid)}/smaps`, "utf8")), own);
}

function mappingsIn(smaps: string): readonly Mapping[] {
  const found: Mapping[] = [];
  let head: Omit<Mapping, "resident"> | undefined;
  for (const line of smaps.split("\n")) {
    const start = /^([\da-f]+)-([\da-f]+) (\S+) \S+ \S+ \d+ *(.*)$/.exec(line);
    if (start) {
      const [, from = "", until = "", access = "", name = ""] = start;
      head = { from: Number.parseInt(from, 16), until: Number.parseInt(until, 16), access, name };
    } else if (head && line.startsWith("Rss:"))
      found.push({ ...head, resident: Number(/\d+/.exec(line)?.[0] ?? 0) * 1024 });
  }
  return found;
}

function partsOf(mappings: readonly Mapping[], own: OwnMemory): MemoryParts {
  const sum = (fits: (mapping: Mapping, next: Mapping | undefined) => boolean): number =>
    mappings.reduce((all, each, at) => all + (fits(each, mappings[at + 1]) ? each.resident : 0), 0) / mb;
  const rss = sum(() => true);
  const files = sum(({ name }) => name.startsWith("/"));
  const mainMalloc = sum(({ name }) => name === "[heap]");
  const threadMalloc = sum(
    ({ from, until, access, name }, next) =>
      name === "" &&
      from % area === 0 &&
      access.startsWith("rw-") &&
      (until - from === area || (next?.from === until && next.access.startsWith("---") && next.until - from === area)),
  );
  const [main = 0, ...threads] = own.map(({ resident }) => resident / mb);
  const threadHeaps = threads.reduce((all, each) => all + each, 0);
  const rest = rss - files - mainMalloc - threadMalloc - main - threadHeaps;
  return { rss, files, mainHeap: main, threadHeaps, mainMalloc, threadMalloc, rest };
}
