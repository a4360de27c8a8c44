/**
 * A provider of OpenID Connect on this machine, with a page where a person presses "Sign in": the code flow with PKCE, as strict as providers
 * are with who asks. Whoever signs in is one and the same.
 */

import { createHash, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Client {
  readonly id: string;
  readonly secret: string;
  readonly redirectUri: string;
}

interface Asked {
  readonly nonce: string;
  readonly challenge: string;
}

const key = { alg: "RS256", kid: "one" };
/** Seconds that what it signs is good for. */
const validity = 300;

export class IdentityProvider implements AsyncDisposable {
  readonly issuer: string;
  /** Logins that were redeemed. */
  logins = 0;
  readonly #server: Server;
  readonly #client: Client;
  readonly #email: string;
  readonly #pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  /** By the code that was given for each; good once. */
  readonly #codes = new Map<string, Asked>();

  private constructor(server: Server, client: Client, email: string) {
    this.#server = server;
    this.#client = client;
    this.#email = email;
    this.issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  }

  static async start(client: Client, email: string): Promise<IdentityProvider> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const provider = new IdentityProvider(server, client, email);
    server.on("request", (request, response) => void provider.#answer(request, response));
    return provider;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.issuer);
    switch (pathname) {
      case "/.well-known/openid-configuration":
        return json(response, 200, {
          issuer: this.issuer,
          authorization_endpoint: `${this.issuer}/authorize`,
          token_endpoint: `${this.issuer}/token`,
          jwks_uri: `${this.issuer}/keys`,
        });
      case "/keys":
        return json(response, 200, { keys: [{ ...this.#pair.publicKey.export({ format: "jwk" }), ...key }] });
      case "/authorize":
        return this.#authorize(searchParams, response);
      case "/token":
        return json(response, ...this.#redeem(request, new URLSearchParams(await bodyOf(request))));
      default:
        response.writeHead(204).end();
    }
  }

  #authorize(asked: URLSearchParams, response: ServerResponse): void {
    const { id, redirectUri } = this.#client;
    const given = (name: string): string => asked.get(name) ?? "";
    const fits =
      given("client_id") === id &&
      given("redirect_uri") === redirectUri &&
      given("response_type") === "code" &&
      given("code_challenge_method") === "S256" &&
      given("scope").split(" ").includes("openid");
    if (!fits) return void response.writeHead(400).end("This client asks for what it may not.");
    const code = randomBytes(16).toString("hex");
    this.#codes.set(code, { nonce: given("nonce"), challenge: given("code_challenge") });
    const back = new URL(redirectUri);
    back.searchParams.set("code", code);
    back.searchParams.set("state", given("state"));
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(
      `<!doctype html><html lang="en"><title>Provider</title><main><h1>Provider</h1><a href="${back.href.replaceAll("&", "&amp;")}">Sign in</a></main>`,
    );
  }

  #redeem({ headers }: IncomingMessage, body: URLSearchParams): readonly [status: number, answer: object] {
    const { id, secret, redirectUri } = this.#client;
    const code = body.get("code") ?? "";
    const asked = this.#codes.get(code);
    this.#codes.delete(code);
    const challenge = createHash("sha256")
      .update(body.get("code_verifier") ?? "")
      .digest("base64url");
    const authorization = `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;
    if (headers.authorization !== authorization) return [401, { error: "invalid_client" }];
    if (asked?.challenge !== challenge || body.get("redirect_uri") !== redirectUri)
      return [400, { error: "invalid_grant" }];
    this.logins++;
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.issuer,
      aud: id,
      sub: "one",
      iat: now,
      exp: now + validity,
      nonce: asked.nonce,
      email: this.#email,
      email_verified: true,
    };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const input = `${part(key)}.${part(claims)}`;
    const signature = createSign("sha256").update(input).sign(this.#pair.privateKey, "base64url");
    return [200, { id_token: `${input}.${signature}`, token_type: "Bearer", access_token: "none" }];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close").catch(() => {});
  }
}

function json(response: ServerResponse, status: number, answer: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}
