/** Ids and names where there is little room. */

/** The middle is left out: the ends tell ids apart. */
export function shortId(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, 6)}\u2026${id.slice(-4)}`;
}

/** The last two parts of a dotted name: what differs between tasks stands at its end. */
export function shortTask(name: string): string {
  const parts = name.split(".");
  return parts.length <= 2 ? name : parts.slice(-2).join(".");
}
