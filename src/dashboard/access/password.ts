/**
 * Passwords as hashes: `scrypt$ln=15,r=8,p=1$salt$hash`, made by `celeriac dashboard hash`. One hash takes some 60 ms and 32 MB, so few are
 * computed at a time and who guesses is turned away before it comes to that.
 */

import { randomBytes, scrypt, type ScryptOptions, timingSafeEqual } from "node:crypto";

const cost = { logN: 15, r: 8, p: 1 } as const;
const pattern = /^scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w-]{16,86})\$([\w-]{43,86})$/;

/**
 * `logN`: each step doubles time and memory.
 *
 * @example
 * ```ts
 * import { hashPassword } from "celeriac/dashboard";
 * console.log(await hashPassword("long and secret")); // scrypt$ln=15,…
 * ```
 */
export async function hashPassword(password: string, logN: number = cost.logN): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, logN, cost.r, cost.p, 32);
  return `scrypt$ln=${logN},r=${cost.r},p=${cost.p}$${salt.toString("base64url")}$${hash.toString("base64url")}`;
}

/** A hash that this can read, and that takes no more memory than it should. */
export function isPasswordHash(text: unknown): text is string {
  if (typeof text !== "string") return false;
  const [, logN = "", r = "", p = ""] = pattern.exec(text) ?? [];
  return logN !== "" && +logN >= 10 && +logN <= 18 && +r >= 1 && +r <= 16 && +p >= 1 && +p <= 4;
}

/** Takes as long for a wrong password as for the right one. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [, logN = "", r = "", p = "", salt = "", hash = ""] = pattern.exec(stored) ?? [];
  if (hash === "") return false;
  const expected = Buffer.from(hash, "base64url");
  const found = await derive(password, Buffer.from(salt, "base64url"), +logN, +r, +p, expected.byteLength);
  return timingSafeEqual(found, expected);
}

function derive(password: string, salt: Buffer, logN: number, r: number, p: number, length: number): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** logN, r, p, maxmem: 256 * 2 ** logN * r };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, length, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}
