/**
 * A message that we gave to a broker to keep back until its time. When it comes it is due, whatever its `eta` says by the clock of whoever gets it: clocks differ,
 * and step. It says so itself, for what is put back, kept elsewhere or sent anew is still due.
 */

const waitedHeader = "celeriac.waited";

/** `headers` of a message that is kept back until its `eta`. The mark is the moment itself, so that it says nothing of a later one. */
export function markWaited(headers: Record<string, unknown>): void {
  const { eta } = headers;
  if (typeof eta === "string") headers[waitedHeader] = eta;
}

export function hasWaited({ headers }: { readonly headers: Readonly<Record<string, unknown>> }): boolean {
  return headers[waitedHeader] !== undefined && headers[waitedHeader] === headers["eta"];
}
