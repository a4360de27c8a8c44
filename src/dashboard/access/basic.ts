/** Names and passwords in the `Authorization` header. A right pair is remembered for a while, by its HMAC; wrong ones cost who sends them time. */

import { createHmac, randomBytes } from "node:crypto";
import { isIP } from "node:net";
import type { Clock } from "../../clock/clock.ts";
import { ApiError } from "../http/failure.ts";
import type { DashboardUser } from "./login.ts";
import { verifyPassword } from "./password.ts";
import type { Viewer } from "./viewer.ts";

/** A right pair is not hashed again for so long, ms. */
const remembered = 300_000;
const mostRemembered = 1_000;
/** Hashes at once, and those that wait for their turn. */
const abreast = 2;
const mostWaiting = 20;
/**
 * Wrong tries before more have to wait, and how long they count, ms: of one name from one address, and of an address, behind which a whole
 * office may sit. A name alone has no limit: anybody could lock its owner out. Guesses from many addresses wait for their turn to be hashed.
 */
const mostOfName = 10;
const mostOfAddress = 50;
const wrongCounts = 60_000;
const mostKnown = 10_000;

export class BasicLogin {
  readonly #users: ReadonlyMap<string, DashboardUser>;
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  readonly #right = new Map<string, { readonly user: DashboardUser; readonly until: number }>();
  readonly #wrong = new Map<string, { count: number; until: number }>();
  readonly #turns: (() => void)[] = [];
  #running = 0;

  constructor(users: readonly DashboardUser[], clock: Clock) {
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#clock = clock;
  }

  /** `undefined`: no or wrong credentials. Throws 429 for who tries too often. `address`: of the client; without one all are counted as one. */
  async viewerOf(header: string | null, address: string | undefined): Promise<Viewer | undefined> {
    const pair = credentialsOf(header);
    if (pair === undefined) return undefined;
    const [name, password] = pair;
    const now = this.#clock.monotonic();
    const mark = createHmac("sha256", this.#key).update(`${name}\0${password}`).digest("base64");
    const known = this.#right.get(mark);
    if (known !== undefined && known.until > now) return viewerOf(known.user);
    const place = address === undefined ? "" : networkOf(address);
    const limits: readonly (readonly [key: string, most: number])[] = [
      [`${place} ${name}`, mostOfName],
      ...(address === undefined ? [] : [[place, mostOfAddress] as const]),
    ];
    if (limits.some(([key, most]) => this.#wrongTries(key, now) >= most)) throw tooOften();
    const user = this.#users.get(name);
    // An unknown name takes as long as a known one.
    const [somebody] = this.#users.values();
    const stored = user?.password ?? somebody?.password ?? "";
    const right = await this.#inTurn(() => verifyPassword(password, stored));
    if (!right || user === undefined) {
      for (const [key] of limits) this.#count(key, now);
      return undefined;
    }
    put(this.#right, mark, { user, until: now + remembered }, mostRemembered);
    return viewerOf(user);
  }

  #wrongTries(key: string, now: number): number {
    const tries = this.#wrong.get(key);
    return tries !== undefined && tries.until > now ? tries.count : 0;
  }

  #count(key: string, now: number): void {
    const tries = this.#wrong.get(key);
    if (tries !== undefined && tries.until > now) tries.count++;
    else put(this.#wrong, key, { count: 1, until: now + wrongCounts }, mostKnown);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < abreast) this.#running++;
    else {
      if (this.#turns.length >= mostWaiting) throw tooOften();
      await new Promise<void>((resolve) => this.#turns.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#turns.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

function tooOften(): ApiError {
  return new ApiError(
    429,
    "UNAUTHENTICATED",
    "Too many logins at once, or too many wrong ones. Try again in a minute.",
  );
}

/** Whoever has an address of IPv6 has the 2^64 beside it, too. */
function networkOf(address: string): string {
  if (isIP(address) !== 6 || address.includes(".")) return address;
  const [left = [], right] = address
    .replace(/%.*$/, "")
    .split("::")
    .map((half) => (half === "" ? [] : half.split(":")));
  const zeros = Array<string>(Math.max(0, 8 - left.length - (right?.length ?? 0))).fill("0");
  const groups = right === undefined ? left : [...left, ...zeros, ...right];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}

function credentialsOf(header: string | null): readonly [string, string] | undefined {
  const [, text = ""] = /^basic ([A-Za-z0-9+/=]{1,2000})$/i.exec(header ?? "") ?? [];
  if (text === "") return undefined;
  const pair = Buffer.from(text, "base64").toString("utf8");
  const at = pair.indexOf(":");
  return at < 1 ? undefined : [pair.slice(0, at), pair.slice(at + 1)];
}

function viewerOf({ name, role, queues }: DashboardUser): Viewer {
  return { name, role, ...(queues !== undefined && { queues }) };
}

/** The oldest goes where there are too many. */
function put<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    break;
  }
}
