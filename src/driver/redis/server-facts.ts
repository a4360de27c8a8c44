/** What a Redis says of itself, by its own names. */

export type ServerFacts = ReadonlyMap<string, string>;

/** INFO. */
export function readInfo(info: string): ServerFacts {
  const facts = new Map<string, string>();
  for (const line of info.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return facts;
}

/** CONFIG GET: a flat list of names and values. */
export function readPairs(reply: unknown): ServerFacts {
  const flat = (Array.isArray(reply) ? reply : []).map(String);
  return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? ""] as const] : [])));
}
