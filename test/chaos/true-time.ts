/** Time for the journal: Unix ms by the monotonic clock of the machine, which all its processes share, so that a wall clock may jump. */

const name = "CHAOS_ZERO";

/** For the environment of all that writes to one journal. */
export function timeEnv(): Readonly<Record<string, string>> {
  return { [name]: String(Date.now() - monotonic()) };
}

/** The wall clock's where nobody has said otherwise, as in whoever starts the others. */
export function trueTime(): number {
  const zero = process.env[name];
  return zero === undefined ? Date.now() : Math.round(Number(zero) + monotonic());
}

function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
