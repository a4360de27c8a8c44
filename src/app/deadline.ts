/** A promise and a signal: whichever ends first. For waits on things that may ignore their signal. */

/** The promise's outcome, or a rejection with the signal's reason. The promise itself goes on; its late rejection is swallowed. */
export async function within<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason as Error);
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
