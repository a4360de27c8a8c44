/**
 * Milliseconds on the machine's own monotonic clock: the same figure in every process and thread of this machine, unlike
 * `performance.now()`, whose zero is each process's start. For moments that one process sets and another one compares.
 */
export function machineTime(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
