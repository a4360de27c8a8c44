/** Finds out who asks, by the ways that are set up. Denies by default: where nobody can say who it is, only this machine is served. */

import type { Clock } from "../../clock/clock.ts";
import { ApiError, forbidden } from "../http/failure.ts";
import type { DashboardSettings } from "../options.ts";
import { BasicLogin } from "./basic.ts";
import { isRole, type Viewer } from "./viewer.ts";
import { isLoopback } from "./origin.ts";
import { proxyViewer } from "./proxy.ts";
import { cookieOf, type Seal } from "./seal.ts";

/**
 * What the server of the dashboard says of a request, beside the request.
 *
 * @example
 * ```ts
 * import { dashboard, type Peer } from "celeriac/dashboard";
 * const peer: Peer = { address: "127.0.0.1", viewer: { name: "ann", role: "view" } };
 * const response = await dashboard(app)(new Request("http://localhost/"), peer);
 * ```
 */
export interface Peer {
  /** Address of the other end of the connection. */
  readonly address?: string | undefined;
  /** Who it is, where the server has found that out already. */
  readonly viewer?: Viewer | undefined;
}

export const sessionCookie = "celeriac_session";

/** On a machine of their own nobody has to say who they are. */
const owner: Viewer = { name: "local", role: "admin" };
/** What a proxy adds: with one of these, "from this machine" says nothing. */
const forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

export class Gate {
  readonly #settings: DashboardSettings;
  readonly #basic: BasicLogin | undefined;
  readonly #seal: Seal;
  readonly #clock: Clock;

  constructor(settings: DashboardSettings, seal: Seal, clock: Clock) {
    this.#settings = settings;
    this.#seal = seal;
    this.#clock = clock;
    const users = settings.login?.users ?? [];
    this.#basic = users.length === 0 ? undefined : new BasicLogin(users, clock);
  }

  /** True where no login is asked for. */
  get open(): boolean {
    return this.#settings.login === undefined && this.#settings.authorize === undefined;
  }

  /** `undefined`: it has to be said. Throws what else is to be answered. */
  async viewerOf(request: Request, peer: Peer): Promise<Viewer | undefined> {
    if (peer.viewer !== undefined) return peer.viewer;
    const { login, authorize } = this.#settings;
    if (authorize !== undefined) return authorize(request);
    if (login === undefined) {
      checkLocal(request, peer);
      return owner;
    }
    const session = this.#seal.open("session", cookieOf(request, sessionCookie), this.#clock.now());
    return (
      readViewer(session) ??
      proxyViewer(login.proxy, request, peer.address) ??
      (await this.#basic?.viewerOf(request.headers.get("authorization"), this.clientOf(request, peer)))
    );
  }

  /** The address of who asks: behind a trusted proxy, what that says. */
  clientOf(request: Request, { address }: Peer): string | undefined {
    return this.#settings.trustedProxies.clientOf(request, address);
  }

  /** Bound to who asks, so that a token of one is of no use to another. */
  tokenOf(request: Request, viewer: Viewer): string {
    return this.#seal.mark("csrf", `${viewer.name}\0${cookieOf(request, sessionCookie) ?? ""}`);
  }

  /** How a browser is told to log in, where it can ask by itself. */
  get challenge(): string | undefined {
    return this.#basic === undefined ? undefined : 'Basic realm="Celeriac", charset="UTF-8"';
  }
}

function checkLocal(request: Request, { address }: Peer): void {
  if (address !== undefined && isLoopback(address) && !forwarded.some((name) => request.headers.has(name))) return;
  throw forbidden(
    "Without a login this dashboard serves its own machine alone. Set one up: login or authorize in its options, --user for celeriac dashboard.",
  );
}

function readViewer(value: unknown): Viewer | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { name, email, role, queues } = value as Readonly<Record<string, unknown>>;
  if (typeof name !== "string" || !isRole(role)) return undefined;
  return {
    name,
    role,
    ...(typeof email === "string" && { email }),
    ...(Array.isArray(queues) && { queues: queues as readonly string[] }),
  };
}

export function unauthenticated(): ApiError {
  return new ApiError(401, "UNAUTHENTICATED", "Log in first.");
}
