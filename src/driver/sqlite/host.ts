/**
 * What the driver asks of the machine: its monotonic clock, who a process is, whether it still lives, who holds a lock, what
 * kind of file system a path is on. Answers are "unknown" where the system has no /proc; leases alone decide there.
 */

import { readFileSync, readlinkSync, statfsSync, statSync } from "node:fs";

/** Milliseconds of the clock that all processes of one boot share. On Linux its zero is the boot. */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks: tells a process from a later one with the same number. "" = unknown. */
  readonly born: string;
  /** Name space of process numbers; numbers of another one mean nothing here. */
  readonly ns: string;
  readonly boot: string;
}

export function identify(): ProcessIdentity {
  return { pid: process.pid, born: bornOf(process.pid) ?? "", ns: linkOf("/proc/self/ns/pid"), boot: bootId() };
}

/** True only if it is certain that the process is no more. */
export function isGone(other: ProcessIdentity, self: ProcessIdentity): boolean {
  if (other.boot !== self.boot) return self.boot !== "" && other.boot !== "";
  if (other.ns !== self.ns) return false;
  if (other.pid === self.pid && other.born === self.born) return false;
  const born = bornOf(other.pid);
  if (born !== undefined) return other.born !== "" && born !== other.born;
  try {
    process.kill(other.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

function bornOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command name may hold blanks and parentheses, so count from the last one. A zombie can hold nothing any more.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return "";
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** SQLite's locks are bytes of the -shm file: 120 = writer, 123…127 = readers that pin the write-ahead log. */
export const shmByte = { writer: [120, 120], readers: [123, 127] } as const;

/** Processes with a lock on these bytes, this one excepted. Empty where /proc/locks does not exist. */
export function lockHolders(shmPath: string, range: readonly [number, number]): readonly number[] {
  try {
    const inode = String(statSync(shmPath).ino);
    const pids = new Set<number>();
    for (const line of readFileSync("/proc/locks", "latin1").split("\n")) {
      // "12: POSIX  ADVISORY  WRITE 4711 fe:00:262241 120 120"; waiting ones have "->" and are not holders.
      const [, , , , pid, file, from, to] = line.trim().split(/\s+/);
      if (line.includes("->") || file?.split(":")[2] !== inode) continue;
      const end = to === "EOF" ? Infinity : Number(to);
      if (Number(from) <= range[1] && end >= range[0] && Number(pid) !== process.pid) pids.add(Number(pid));
    }
    return [...pids];
  } catch {
    return [];
  }
}

/** File systems on which SQLite's locks or shared memory do not hold what they promise. */
const networkTypes: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9p"],
  [0x65735546, "FUSE"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
]);

export function networkFilesystem(directory: string): string | undefined {
  try {
    return filesystemName(statfsSync(directory).type);
  } catch {
    return undefined;
  }
}

/** `statfs` gives a signed number on some machines. Undefined for everything local. */
export function filesystemName(type: number): string | undefined {
  return networkTypes.get(type >>> 0);
}

export function freeBytes(directory: string): number {
  try {
    const stat = statfsSync(directory);
    return stat.bavail * stat.bsize;
  } catch {
    return Infinity;
  }
}
