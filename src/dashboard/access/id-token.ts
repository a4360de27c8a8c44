/**
 * Checks what an OpenID provider signed: by one of its published keys, with an algorithm of public keys, for this client, this login and this
 * moment. Everything else is refused, above all tokens that name their own rules.
 */

import { createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto";

export interface IdClaims {
  readonly sub: string;
  readonly [name: string]: unknown;
}

export interface TokenRules {
  readonly issuer: string;
  readonly clientId: string;
  readonly nonce: string;
  /** Unix ms. */
  readonly now: number;
}

export interface ProviderKey extends JsonWebKey {
  readonly kid?: string;
  readonly use?: string;
}

/** By `alg`: hash, kind of key, and how the signature is written. */
const algorithms: Readonly<Record<string, { readonly hash: string; readonly kty: string; readonly pss?: true }>> = {
  RS256: { hash: "sha256", kty: "RSA" },
  RS384: { hash: "sha384", kty: "RSA" },
  RS512: { hash: "sha512", kty: "RSA" },
  PS256: { hash: "sha256", kty: "RSA", pss: true },
  ES256: { hash: "sha256", kty: "EC" },
  ES384: { hash: "sha384", kty: "EC" },
};
const longest = 16_384;
/** The clocks of two machines may differ by so much, s. */
const slack = 60;
/** RSA_PKCS1_PSS_PADDING and RSA_PSS_SALTLEN_DIGEST of OpenSSL. */
const pss = { padding: 6, saltLength: -1 } as const;

/** Names the key that a token wants; `undefined` for what is no token. */
export function keyIdOf(token: string): string | undefined {
  const { kid } = part(token.split(".")[0]) ?? {};
  return typeof kid === "string" ? kid : undefined;
}

/** Throws an error that says what is wrong; its text is for the log of the dashboard, not for who tries. */
export function checkIdToken(token: string, keys: readonly ProviderKey[], rules: TokenRules): IdClaims {
  const [head, body, mark, ...rest] = token.length > longest ? [] : token.split(".");
  const header = part(head);
  const claims = part(body);
  if (header === undefined || claims === undefined || mark === undefined || rest.length > 0)
    throw new Error("it is no signed token");
  const algorithm = Object.hasOwn(algorithms, String(header["alg"])) ? algorithms[String(header["alg"])] : undefined;
  if (algorithm === undefined) throw new Error(`its algorithm ${String(header["alg"]).slice(0, 20)} is not accepted`);
  const key = keyFor(keys, header["kid"], algorithm.kty);
  const signed = Buffer.from(`${head ?? ""}.${body ?? ""}`);
  const options = {
    key,
    ...(algorithm.kty === "EC" ? { dsaEncoding: "ieee-p1363" as const } : {}),
    ...(algorithm.pss && pss),
  };
  if (!verify(algorithm.hash, signed, options, Buffer.from(mark, "base64url")))
    throw new Error("its signature is wrong");
  checkClaims(claims, rules);
  return claims as IdClaims;
}

function checkClaims(claims: Readonly<Record<string, unknown>>, { issuer, clientId, nonce, now }: TokenRules): void {
  const { iss, sub, aud, azp, exp, iat, nbf } = claims;
  if (iss !== issuer) throw new Error("another issuer has signed it");
  const audience: readonly unknown[] = Array.isArray(aud) ? (aud as unknown[]) : [aud];
  if (!audience.includes(clientId)) throw new Error("it is meant for another client");
  if ((azp !== undefined || audience.length > 1) && azp !== clientId) throw new Error("another client asked for it");
  if (typeof sub !== "string" || sub === "" || sub.length > 255) throw new Error("it names nobody");
  const seconds = now / 1000;
  if (typeof exp !== "number" || exp < seconds - slack) throw new Error("its time is over");
  if (typeof iat !== "number" || iat > seconds + slack) throw new Error("it comes from the future");
  if (nbf !== undefined && (typeof nbf !== "number" || nbf > seconds + slack)) throw new Error("its time has not come");
  if (claims["nonce"] !== nonce) throw new Error("it belongs to another login");
}

function keyFor(keys: readonly ProviderKey[], kid: unknown, kty: string): KeyObject {
  const fitting = keys.filter((key) => key.kty === kty && (key.use ?? "sig") === "sig");
  const key =
    typeof kid === "string" ? fitting.find((one) => one.kid === kid) : fitting.length === 1 ? fitting[0] : undefined;
  if (key === undefined) throw new Error("the provider has no such key");
  return createPublicKey({ key, format: "jwk" });
}

function part(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text ?? "", "base64url").toString());
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
