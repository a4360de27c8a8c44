/** What the cases of joins share: a client's joins, arrivals with a value each, and reading them back. */

import type { Arrival, Joined, Joins, OpenJoin, StaleJoin } from "../../port/joins.ts";
import type { Millis } from "../../port/units.ts";
import type { Rig } from "./rig.ts";
import type { OpenClient } from "./suite-server.ts";

export const day: Millis = 86_400_000;
export const bodyText = '{"task":"suite.body","args":["ü"]}';

export function joinsOf(client: OpenClient): Joins {
  if (client.store.joins === undefined) throw new Error("this store has no joins");
  return client.store.joins;
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array | undefined): string | undefined => data && new TextDecoder().decode(data);

export function joinOf(group: string, size: number, rest: Partial<OpenJoin> = {}): OpenJoin {
  return { group, size, body: bytes(bodyText), ttl: day, ...rest };
}

/** Carries the body, as the message of every member does. */
export function arrivalOf(group: string, index: number, rest: Partial<Arrival> = {}): Arrival {
  return {
    group,
    member: `${group}.${index}`,
    index,
    state: "SUCCESS",
    value: bytes(String(index)),
    body: bytes(bodyText),
    ttl: day,
    ...rest,
  };
}

export async function arriveOne(
  client: OpenClient,
  group: string,
  index: number,
  rest?: Partial<Arrival>,
): Promise<Joined> {
  const [answer] = await joinsOf(client).arrive([arrivalOf(group, index, rest)]);
  if (answer === undefined) throw new Error("arrive answered nothing");
  return answer;
}

export const joined = (group: string, arrived: number, size: number | undefined, full = false): Joined => ({
  group,
  arrived,
  size,
  full,
});

/** As text, in the order of the indexes. */
export async function valuesOf(client: OpenClient, group: string): Promise<(string | undefined)[]> {
  return (await joinsOf(client).members(group, 0, 1000)).map(({ value }) => text(value));
}

/** Looks once; others may be named beside it, and then are not named again. */
export async function staleOne(client: OpenClient, group: string, age: Millis): Promise<StaleJoin | undefined> {
  return (await joinsOf(client).stale(age, 500)).find((join) => join.group === group);
}

/** Closes what other cases left, for one that asks who is named at all. */
export async function closeStale(client: OpenClient): Promise<void> {
  const joins = joinsOf(client);
  for (let left = await joins.stale(0, 500); left.length > 0; left = await joins.stale(0, 500))
    await joins.close(left.map(({ group }) => group));
}

/** Looks until this group is named. */
export async function staleSoon(rig: Rig, client: OpenClient, group: string, age: Millis): Promise<StaleJoin> {
  let found: StaleJoin | undefined;
  await rig.until(`${group} to be named stale`, async () => {
    found = await staleOne(client, group, age);
    return found !== undefined;
  });
  if (found === undefined) throw new Error("not reached");
  return found;
}
