/** A write-ahead log that a reader of another process keeps from being written back: from what size on that is told, and who it is. */

import { lockHolders, shmByte } from "./host.ts";

const mebibyte = 1024 * 1024;
/** Bytes; four times what the log keeps at rest. */
export const largeLog: number = 256 * mebibyte;

export function pinnedText(path: string, size: number): string {
  const pids = lockHolders(`${path}-shm`, shmByte.readers);
  const who = pids.length === 0 ? "" : `, pinned by a reader in process ${pids.join(", ")}`;
  return `The write-ahead log of ${path} has grown to ${Math.round(size / mebibyte)} MiB${who}`;
}
