/** Login at a provider that this test starts, with everything that may be wrong about it. */

import { createHmac, createSign, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Session } from "../contract.ts";
import { Stage } from "../fixtures/stage.ts";
import type { RoleRules } from "./login.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** What the provider does next; each test changes what it wants wrong. */
interface Provider {
  claims: Record<string, unknown>;
  header: Record<string, unknown>;
  sign: (input: string) => string;
  asked: URLSearchParams | undefined;
  authorization: string | undefined;
}

let server: Server;
let issuer: string;
let provider: Provider;
let stage: Stage;
const people: RoleRules = { people: { "ann@example.com": "admin" }, domains: { "example.com": "view" } };

beforeAll(async () => {
  server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", issuer);
    const json = (value: object): void => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(value));
    };
    if (url.pathname === "/.well-known/openid-configuration") {
      return json({
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
      });
    }
    if (url.pathname === "/keys") {
      return json({
        keys: [
          { ...rsa.publicKey.export({ format: "jwk" }), kid: "r" },
          { ...ec.publicKey.export({ format: "jwk" }), kid: "e" },
        ],
      });
    }
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      provider.asked = new URLSearchParams(body);
      provider.authorization = request.headers.authorization;
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
      const input = `${part(provider.header)}.${part(provider.claims)}`;
      json({ id_token: `${input}.${provider.sign(input)}`, token_type: "Bearer" });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
afterAll(() => void server.close());

beforeEach(() => {
  provider = {
    claims: {},
    header: { alg: "RS256", kid: "r" },
    sign: by(rsa.privateKey),
    asked: undefined,
    authorization: undefined,
  };
  stage = make(people);
  vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});
afterEach(async () => {
  vi.restoreAllMocks();
  await stage[Symbol.asyncDispose]();
});

function make(rules: RoleRules, prefix = "/ops"): Stage {
  const redirectUri = `http://localhost:5555${prefix}/login/callback`;
  return new Stage(undefined, {
    prefix,
    login: { oidc: { issuer, clientId: "dash", clientSecret: "s3:cret", redirectUri, ...rules } },
  });
}

function by(key: KeyObject): (input: string) => string {
  return (input) => createSign("sha256").update(input).sign(key, "base64url");
}

interface Begun {
  readonly state: string;
  readonly nonce: string;
  readonly challenge: string;
  readonly cookie: string;
}

async function begin(at = stage): Promise<Begun> {
  const response = await at.ask("/ops/login", { headers: { accept: "text/html" } });
  expect(response.status).toBe(303);
  const to = new URL(response.headers.get("location") ?? "");
  const { searchParams } = to;
  const cookie = response.headers.getSetCookie()[0] ?? "";
  expect(cookie).toMatch(/; Path=\/ops; Max-Age=600; HttpOnly; SameSite=Lax$/);
  return {
    state: searchParams.get("state") ?? "",
    nonce: searchParams.get("nonce") ?? "",
    challenge: searchParams.get("code_challenge") ?? "",
    cookie: cookie.split(";")[0] ?? "",
  };
}

function claimsFor({ nonce }: Begun, more: object = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  const who = { sub: "u1", email: "ann@example.com", email_verified: true };
  return { iss: issuer, aud: "dash", iat: now, exp: now + 300, nonce, ...who, ...more };
}

async function finish(begun: Begun, query?: string, at = stage): Promise<Response> {
  return at.ask(`/ops/login/callback?${query ?? `code=c0de&state=${begun.state}`}`, {
    headers: { cookie: begun.cookie },
  });
}

async function roleAfter(response: Response, at = stage): Promise<string> {
  const cookie = response.headers.getSetCookie().find((one) => one.startsWith("celeriac_session=")) ?? "";
  const session = await at.get<Session>("/ops/api/session", { headers: { cookie: cookie.split(";")[0] ?? "" } });
  return session.user?.role ?? "none";
}

test("a page sends the browser to the provider, and the provider's word becomes a session", async () => {
  const page = await stage.ask("/ops/tasks", { headers: { accept: "text/html" } });
  expect([page.status, page.headers.get("location")]).toEqual([303, "/ops/login"]);
  expect((await stage.ask("/ops/api/session")).status).toBe(401);
  const begun = await begin();
  provider.claims = claimsFor(begun);
  const response = await finish(begun);
  expect(response.status).toBe(200);
  expect(await response.text()).toContain("url=/ops/");
  const cookie = response.headers.getSetCookie().find((one) => one.startsWith("celeriac_session=")) ?? "";
  expect(cookie).toMatch(/; Path=\/ops; Max-Age=43200; HttpOnly; SameSite=Strict$/);
  expect(await roleAfter(response)).toBe("admin");
  expect(provider.authorization).toBe(`Basic ${Buffer.from("dash:s3%3Acret").toString("base64")}`);
  expect(provider.asked?.get("redirect_uri")).toBe("http://localhost:5555/ops/login/callback");
  const { createHash } = await import("node:crypto");
  const verifier = provider.asked?.get("code_verifier") ?? "";
  expect(createHash("sha256").update(verifier).digest("base64url")).toBe(begun.challenge);
  const session = { headers: { cookie: cookie.split(";")[0] ?? "" } };
  expect((await stage.get<Session>("/ops/api/session", session)).login).toEqual({
    kinds: ["oidc"],
    logout: "/ops/logout",
  });
  expect((await stage.ask("/ops/logout", session)).headers.getSetCookie()[0]).toMatch(
    /^celeriac_session=; .*Max-Age=0/,
  );
});

test("who is logged out is shown the way back, by a page that asks the host's root for no icon", async () => {
  const answer = await stage.ask("/ops/logout", { headers: { accept: "text/html" } });
  const page = await answer.text();
  expect(page).toContain('<a href="/ops/">Log in</a>');
  expect(page).toContain('<link rel="icon" href="data:,">');
});

test("a key on a curve is as good", async () => {
  const begun = await begin();
  provider.claims = claimsFor(begun);
  provider.header = { alg: "ES256", kid: "e" };
  provider.sign = (input) =>
    sign("sha256", Buffer.from(input), { key: ec.privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
  expect(await roleAfter(await finish(begun))).toBe("admin");
});

test.each<readonly [string, (begun: Begun) => void]>([
  ["signed by nobody", () => ((provider.header = { alg: "none" }), (provider.sign = () => ""))],
  ["signed by a stranger", () => (provider.sign = by(stranger.privateKey))],
  [
    "with the public key as a secret",
    () => {
      provider.header = { alg: "HS256", kid: "r" };
      const secret = rsa.publicKey.export({ format: "pem", type: "spki" });
      provider.sign = (input) => createHmac("sha256", secret).update(input).digest("base64url");
    },
  ],
  [
    "with a key of its own",
    () => (provider.header = { alg: "RS256", jwk: stranger.publicKey.export({ format: "jwk" }), kid: "other" }),
  ],
  ["with a key for something else", () => (provider.header = { alg: "ES256", kid: "r" })],
  ["for another client", (begun) => (provider.claims = claimsFor(begun, { aud: "other" }))],
  [
    "for several, asked for by another",
    (begun) => (provider.claims = claimsFor(begun, { aud: ["dash", "other"], azp: "other" })),
  ],
  ["of another issuer", (begun) => (provider.claims = claimsFor(begun, { iss: "https://evil.example" }))],
  ["of another login", (begun) => (provider.claims = claimsFor(begun, { nonce: "else" }))],
  ["without a nonce", (begun) => (provider.claims = claimsFor(begun, { nonce: undefined }))],
  ["whose time is over", (begun) => (provider.claims = claimsFor(begun, { exp: 1_000_000 }))],
  ["without an end", (begun) => (provider.claims = claimsFor(begun, { exp: undefined }))],
  ["from the future", (begun) => (provider.claims = claimsFor(begun, { iat: 99_999_999_999 }))],
  ["of nobody", (begun) => (provider.claims = claimsFor(begun, { sub: "" }))],
])("a token %s is refused", async (_name, spoil) => {
  const begun = await begin();
  provider.claims = claimsFor(begun);
  spoil(begun);
  const response = await finish(begun);
  expect([response.status, response.headers.getSetCookie()]).toEqual([502, []]);
  expect(await response.json()).toMatchObject({ code: "LOGIN_PROVIDER" });
});

test("who is not known, or whose address nobody has verified, is not let in", async () => {
  for (const [more, role] of [
    [{ email: "bob@example.com" }, "view"],
    [{ email_verified: false }, 403],
    [{ email_verified: undefined }, 403],
    [{ email: "ann@example.com.evil.com" }, 403],
    [{ email: "ann@evil.com" }, 403],
    [{ email: "ann@example.com@evil.com" }, 403],
    [{ email: "example.com" }, 403],
  ] as const) {
    const begun = await begin();
    provider.claims = claimsFor(begun, more);
    const response = await finish(begun);
    expect(response.ok ? await roleAfter(response) : response.status, JSON.stringify(more)).toBe(role);
  }
  await using grouped = make({ groups: { ops: "operate", root: "admin" } });
  const begun = await begin(grouped);
  provider.claims = claimsFor(begun, { groups: ["ops", "others"] });
  expect(await roleAfter(await finish(begun, undefined, grouped), grouped)).toBe("operate");
});

test("a session keeps the queues that a rule gives", async () => {
  await using confined = make({ domains: { "example.com": { role: "operate", queues: ["mail"] } } });
  const begun = await begin(confined);
  provider.claims = claimsFor(begun);
  const response = await finish(begun, undefined, confined);
  const cookie = response.headers.getSetCookie().find((one) => one.startsWith("celeriac_session=")) ?? "";
  const headers = { cookie: cookie.split(";")[0] ?? "" };
  const session = await confined.get<Session>("/ops/api/session", { headers });
  expect([session.user?.role, session.queues]).toEqual(["operate", ["mail"]]);
  expect((await confined.ask("/ops/api/queues/money/messages", { headers })).status).toBe(403);
});

test("a login belongs to the browser that began it, once", async () => {
  const begun = await begin();
  provider.claims = claimsFor(begun);
  for (const [query, cookie] of [
    [`code=c&state=${begun.state}`, "celeriac_login=other"],
    [`code=c&state=${begun.state}`, begun.cookie], // tried once already
    ["code=c&state=made-up", "celeriac_login=made-up"],
    ["", begun.cookie],
  ] as const) {
    const response = await finish({ ...begun, cookie }, query);
    expect([response.status, response.headers.getSetCookie()]).toEqual([400, []]);
  }
  const refused = await begin();
  expect((await finish(refused, `error=access_denied&state=${refused.state}`)).status).toBe(403);
});

test("a session that was changed, or signed elsewhere, is none", async () => {
  const begun = await begin();
  provider.claims = claimsFor(begun);
  const response = await finish(begun);
  const cookie = /celeriac_session=([^;]+)/.exec(response.headers.getSetCookie().join("\n"))?.[1] ?? "";
  const [body = "", mark = ""] = cookie.split(".");
  const value = JSON.parse(Buffer.from(body, "base64url").toString()) as { value: object; until: number };
  const forged = Buffer.from(JSON.stringify({ ...value, until: value.until + 1 })).toString("base64url");
  await using elsewhere = make(people);
  for (const [at, text] of [
    [stage, `${forged}.${mark}`],
    [stage, `${body}.`],
    [stage, body],
    [stage, "."],
    [elsewhere, cookie],
  ] as const) {
    expect((await at.ask("/ops/api/session", { headers: { cookie: `celeriac_session=${text}` } })).status).toBe(401);
  }
});
