/**
 * Values that go out to a browser and come back: signed, so that nobody changes them, with a purpose, so that none is taken for another, and
 * with an end. They are readable by whoever has them, so no secret belongs in one.
 */

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export class Seal {
  readonly #secret: string | Buffer;

  /** Without a secret: a new one, which ends with this process. */
  constructor(secret?: string) {
    this.#secret = secret ?? randomBytes(32);
  }

  /** `until`: unix ms. */
  sign(purpose: string, value: unknown, until: number): string {
    const body = Buffer.from(JSON.stringify({ value, until })).toString("base64url");
    return `${body}.${this.mark(purpose, body)}`;
  }

  /** `undefined` for what is not ours, for another purpose, or past its end. */
  open(purpose: string, text: string | undefined, now: number): unknown {
    const [body = "", mark = ""] = text?.split(".") ?? [];
    if (body === "" || !same(mark, this.mark(purpose, body))) return undefined;
    const { value, until } = JSON.parse(Buffer.from(body, "base64url").toString()) as { value: unknown; until: number };
    return until > now ? value : undefined;
  }

  /** The same for the same text, until the secret changes. */
  mark(purpose: string, text: string): string {
    return createHmac("sha256", this.#secret).update(`celeriac dashboard ${purpose}\0${text}`).digest("base64url");
  }
}

/** In a time that does not depend on where they differ. */
export function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.byteLength === right.byteLength && timingSafeEqual(left, right);
}

export function cookieOf(request: Request, name: string): string | undefined {
  for (const part of (request.headers.get("cookie") ?? "").slice(0, 16_384).split(";")) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}
