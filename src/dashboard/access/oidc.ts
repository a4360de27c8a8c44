/**
 * Login with a provider of OpenID Connect: the code flow with PKCE. What a login in progress needs to remember stays here; the browser only
 * holds its name. In the end there is a session in a signed cookie that no script and no other site can use.
 *
 *   /login ──▶ provider ──(code, state)──▶ /login/callback ──▶ session
 */

import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../clock/clock.ts";
import { ApiError, badRequest, forbidden } from "../http/failure.ts";
import { sessionCookie } from "./gate.ts";
import { checkIdToken, type IdClaims, keyIdOf, type ProviderKey } from "./id-token.ts";
import { grantOf, type OidcLogin } from "./login.ts";
import { cookieOf, type Seal, same } from "./seal.ts";
import type { Viewer } from "./viewer.ts";

interface Provider {
  readonly authorization: string;
  readonly token: string;
  readonly keys: string;
  readonly basic: boolean;
  readonly until: number;
}

interface Pending {
  readonly verifier: string;
  readonly nonce: string;
  readonly until: number;
}

const loginCookie = "celeriac_login";
/** A person may take so long at the provider, ms. */
const patience = 600_000;
const mostPending = 1_000;
/** What the provider says of itself is believed for so long, ms. */
const known = 3_600_000;
/** Keys are looked up again for an unknown one, but not more often, ms. */
const keysAgain = 60_000;
const fetchLimit = 10_000;
const largestAnswer = 1_048_576;
const usualSession = 12 * 3_600_000;

export interface OidcParts {
  readonly login: OidcLogin;
  /** How long a session lasts, ms. */
  readonly session: number | undefined;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly prefix: string;
}

export class Oidc {
  readonly #parts: OidcParts;
  readonly #pending = new Map<string, Pending>();
  #provider: Provider | undefined;
  #keys: { readonly list: readonly ProviderKey[]; readonly at: number } | undefined;

  constructor(parts: OidcParts) {
    this.#parts = parts;
  }

  /** Sends the browser to the provider. */
  async begin(): Promise<Response> {
    const { login, clock } = this.#parts;
    const provider = await this.#discover();
    const [state, verifier, nonce] = [secret(), secret(), secret()];
    this.#pending.set(state, { verifier, nonce, until: clock.now() + patience });
    this.#forget();
    const url = new URL(provider.authorization);
    const params = {
      response_type: "code",
      client_id: login.clientId,
      redirect_uri: login.redirectUri,
      scope: login.scope ?? "openid profile email",
      state,
      nonce,
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
    // Lax: it must come along when the provider sends the browser back.
    const cookie = this.#cookie(loginCookie, state, patience, "Lax");
    return new Response(null, {
      status: 303,
      headers: { location: url.href, "set-cookie": cookie, "cache-control": "no-store" },
    });
  }

  /** What the provider sent the browser back with. Throws 400 and 403. */
  async finish(request: Request): Promise<Response> {
    const { login, clock, seal, prefix, session = usualSession } = this.#parts;
    const params = new URL(request.url).searchParams;
    const state = params.get("state") ?? "";
    const pending = this.#pending.get(state);
    this.#pending.delete(state); // good for one try
    if (pending === undefined || pending.until <= clock.now() || !same(state, cookieOf(request, loginCookie) ?? ""))
      throw badRequest("This login is not in progress, or took too long. Begin again.", "state");
    const code = params.get("code");
    if (code === null || code === "") throw forbidden("The provider did not let this login in.");
    const claims = await this.#redeem(code, pending);
    const viewer = viewerOf(login, claims);
    if (viewer === undefined) throw forbidden("You may not look at this dashboard.");
    const until = clock.now() + session;
    const headers = new Headers({ "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
    headers.append("set-cookie", this.#cookie(sessionCookie, seal.sign("session", viewer, until), session, "Strict"));
    headers.append("set-cookie", this.#cookie(loginCookie, "", 0, "Lax"));
    // A redirect would still be the provider's doing, and the new cookie would not come along.
    const home = `${prefix}/`;
    const onward = `<meta http-equiv="refresh" content="0;url=${home}">`;
    return new Response(pageOf(`<a href="${home}">Go on</a>`, onward), { headers });
  }

  end(): Response {
    const headers = new Headers({ "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
    headers.append("set-cookie", this.#cookie(sessionCookie, "", 0, "Strict"));
    return new Response(pageOf(`<p>You are logged out.</p><a href="${this.#parts.prefix}/">Log in</a>`), { headers });
  }

  async #redeem(code: string, { verifier, nonce }: Pending): Promise<IdClaims> {
    const { login, clock } = this.#parts;
    const { clientId, clientSecret } = login;
    const provider = await this.#discover();
    const basic = clientSecret !== undefined && provider.basic;
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: login.redirectUri,
      code_verifier: verifier,
    });
    if (!basic) body.set("client_id", clientId);
    if (!basic && clientSecret !== undefined) body.set("client_secret", clientSecret);
    const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret ?? "")}`;
    const headers = { ...(basic && { authorization: `Basic ${Buffer.from(pair).toString("base64")}` }) };
    const answer = await read(provider.token, { method: "POST", body, headers });
    const token = answer["id_token"];
    if (typeof token !== "string") throw trouble("it gave no id_token");
    try {
      const keys = await this.#keysFor(provider, keyIdOf(token));
      return checkIdToken(token, keys, { issuer: login.issuer, clientId, nonce, now: clock.now() });
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw trouble(`its id_token is refused: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #discover(): Promise<Provider> {
    const { login, clock } = this.#parts;
    if (this.#provider !== undefined && this.#provider.until > clock.now()) return this.#provider;
    const facts = await read(`${login.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, {});
    const { issuer, authorization_endpoint: authorization, token_endpoint: token, jwks_uri: keys } = facts;
    if (issuer !== login.issuer) throw trouble(`it calls itself ${String(issuer).slice(0, 200)}`);
    for (const url of [authorization, token, keys]) {
      if (typeof url !== "string" || !URL.canParse(url)) throw trouble("it does not say where its endpoints are");
    }
    const methods = facts["token_endpoint_auth_methods_supported"];
    this.#provider = {
      authorization: authorization as string,
      token: token as string,
      keys: keys as string,
      basic: !Array.isArray(methods) || methods.includes("client_secret_basic"),
      until: clock.now() + known,
    };
    return this.#provider;
  }

  async #keysFor(provider: Provider, kid: string | undefined): Promise<readonly ProviderKey[]> {
    const now = this.#parts.clock.now();
    const there = this.#keys?.list.some((key) => key.kid === kid) === true;
    if (this.#keys !== undefined && (now - this.#keys.at < keysAgain || (there && now - this.#keys.at < known)))
      return this.#keys.list;
    const { keys } = await read(provider.keys, {});
    if (!Array.isArray(keys)) throw trouble("it publishes no keys");
    this.#keys = { list: keys.slice(0, 100) as readonly ProviderKey[], at: now };
    return this.#keys.list;
  }

  #cookie(name: string, value: string, age: number, site: "Lax" | "Strict"): string {
    const secure = this.#parts.login.redirectUri.startsWith("https:") ? "; Secure" : "";
    // Without a slash behind it: the browser sends it for the prefix itself as well, and for no other path that begins like it.
    const path = this.#parts.prefix === "" ? "/" : this.#parts.prefix;
    return `${name}=${value}; Path=${path}; Max-Age=${String(Math.floor(age / 1000))}; HttpOnly; SameSite=${site}${secure}`;
  }

  #forget(): void {
    const now = this.#parts.clock.now();
    for (const [state, { until }] of this.#pending) {
      if (this.#pending.size <= mostPending && until > now) return;
      this.#pending.delete(state);
    }
  }
}

/**
 * Outside of the interface, whose files nobody gets without a login. With an empty icon, or browsers would ask the root of the host for one, which
 * is another application's where the dashboard is mounted in one.
 */
function pageOf(body: string, head = ""): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><link rel="icon" href="data:,"><title>Celeriac</title>${head}</head><body>${body}</body></html>`;
}

function viewerOf(login: OidcLogin, claims: IdClaims): Viewer | undefined {
  const { sub, email, email_verified: verified, name, preferred_username: username } = claims;
  // An address that nobody has verified is one that anybody can choose.
  const address = typeof email === "string" && (verified === true || verified === "true") ? email : undefined;
  const groups = claims[login.groupsClaim ?? "groups"];
  const grant = grantOf(login, {
    name: sub,
    email: address,
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [],
  });
  if (grant === undefined) return undefined;
  const shown =
    [address, username, name, sub].find((one): one is string => typeof one === "string" && one !== "") ?? sub;
  return { name: shown.slice(0, 200), ...grant, ...(address !== undefined && { email: address.slice(0, 200) }) };
}

async function read(url: string, init: RequestInit): Promise<Readonly<Record<string, unknown>>> {
  try {
    const headers = { accept: "application/json", ...(init.headers as Record<string, string> | undefined) };
    const response = await fetch(url, { ...init, headers, redirect: "error", signal: AbortSignal.timeout(fetchLimit) });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += (chunk as Uint8Array).byteLength;
      if (size > largestAnswer) throw new Error("the answer is too large");
      chunks.push(chunk as Uint8Array);
    }
    const text = Buffer.concat(chunks).toString("utf8");
    if (!response.ok) throw new Error(`it answered ${String(response.status)}: ${text.slice(0, 200)}`);
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
    throw new Error("its answer is no object");
  } catch (error) {
    throw trouble(error instanceof Error ? error.message : String(error));
  }
}

/** The browser is told little: what exactly is wrong is for the log. */
function trouble(why: string): ApiError {
  process.emitWarning(`The login provider cannot be used: ${why}`, { code: "LOGIN_PROVIDER" });
  return new ApiError(502, "LOGIN_PROVIDER", "The login provider cannot be used now. The dashboard's log says why.");
}

function secret(): string {
  return randomBytes(32).toString("base64url");
}
