/** What a dashboard is made of, its beginning and its end, and the way of a request through it: host, login, role, route. */

import type { App } from "../app/app.ts";
import type { AppCore } from "../app/core.ts";
import type { EventBatch, EventSubscription } from "../app/events.ts";
import { ClusterState } from "../event/cluster-state.ts";
import { Gate, type Peer, unauthenticated } from "./access/gate.ts";
import { checkHost, checkOrigin, isBrowser } from "./access/origin.ts";
import { Oidc } from "./access/oidc.ts";
import { Seal, same } from "./access/seal.ts";
import { hasRole, type Viewer } from "./access/viewer.ts";
import { AuditLog } from "./action/audit.ts";
import { Perform } from "./action/perform.ts";
import { Lookout } from "./alert/lookout.ts";
import { connectSoon } from "./connecting.ts";
import { openHistory } from "./history/history-link.ts";
import { asksByScript, wantsPage } from "./http/asker.ts";
import { failureAnswer, jsonAnswer, protect } from "./http/answer.ts";
import { ApiError, apiErrorOf, clientGone, forbidden, notFound, shuttingDown } from "./http/failure.ts";
import { Query } from "./http/query.ts";
import { type Route, Router } from "./http/route.ts";
import { routes } from "./http/routes.ts";
import { Interface } from "./http/ui.ts";
import { EventMetrics } from "./metrics/event-metrics.ts";
import { BrokerMetrics } from "./metrics/page.ts";
import type { Inside } from "./inside.ts";
import type { DashboardSettings } from "./options.ts";
import { QueueWaits } from "./page/wait-reasons.ts";
import { Sampling } from "./sampling.ts";
import { Hub } from "./stream/hub.ts";
import { followRevokes } from "./revokes.ts";
import { Watch } from "./stream/watch.ts";

/** Longest wait for the broker when a page asks for it, and for an answer as a whole, ms. */
const brokerPatience = 2_000;
const patience = 5_000;
/** Between two tries to listen, ms. */
const listenAgain = 2_000;
const longestUrl = 16_384;

export class Engine {
  readonly settings: DashboardSettings;
  readonly #app: App;
  readonly #core: AppCore;
  readonly #seal: Seal;
  readonly #gate: Gate;
  readonly #router: Router;
  readonly #interface = new Interface();
  readonly #stopping = new AbortController();
  #starting: Promise<Inside> | undefined;
  /** What is to be closed, the last first. */
  readonly #closers: (() => void | Promise<void>)[] = [];
  #connected = false;
  #closing: Promise<void> | undefined;

  constructor(app: App, core: AppCore, settings: DashboardSettings) {
    this.settings = settings;
    this.#app = app;
    this.#core = core;
    this.#seal = new Seal(settings.login?.secret);
    this.#gate = new Gate(settings, this.#seal, core.clock);
    const open = (route: Route): Route =>
      settings.openMetrics && route.path === "/metrics" ? { ...route, role: "open" } : route;
    this.#router = new Router(routes.map(open));
  }

  get isOpen(): boolean {
    return this.#gate.open;
  }

  async start(): Promise<void> {
    await this.#inside();
  }

  async handle(request: Request, peer: Peer): Promise<Response> {
    try {
      return protect(await this.#answer(request, peer));
    } catch (error) {
      const left = this.#stopping.signal.aborted ? shuttingDown() : request.signal.aborted ? clientGone() : undefined;
      const failure = left ?? apiErrorOf(error);
      if (failure.status >= 500 && failure.code === "INTERNAL")
        process.emitWarning(error instanceof Error ? error : String(error));
      const answer = failureAnswer(failure);
      if (failure.status === 401 && this.#gate.challenge !== undefined && !asksByScript(request))
        answer.headers.set("www-authenticate", this.#gate.challenge);
      return protect(answer);
    }
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#stopping.abort(new Error("the dashboard was closed"));
      await this.#starting?.catch(() => {});
      await this.#closeAll();
    })();
    return this.#closing;
  }

  async #answer(request: Request, peer: Peer): Promise<Response> {
    const { settings } = this;
    if (request.url.length > longestUrl) throw new ApiError(414, "TOO_LARGE", "The URL is too long.");
    checkHost(request, { hosts: settings.allowedHosts, loopbackOnly: this.isOpen });
    checkOrigin(request);
    const url = new URL(request.url);
    const path = this.#below(url.pathname);
    if (path === undefined) throw notFound();
    const match = this.#router.match(request, path);
    if (match === "wrong-method") throw new ApiError(405, "BAD_REQUEST", `${request.method} is not possible here.`);
    if (match?.route.role === "open") return this.#run(match.route, match.params, request, peer, undefined, url);
    const viewer = await this.#gate.viewerOf(request, peer);
    if (viewer === undefined) {
      if (settings.login?.oidc === undefined || !wantsPage(request)) throw unauthenticated();
      return new Response(null, {
        status: 303,
        headers: { location: `${settings.prefix}/login`, "cache-control": "no-store" },
      });
    }
    if (match === undefined) return this.#file(request, path);
    const { route, params } = match;
    if (route.role !== "open" && !hasRole(viewer, route.role))
      throw forbidden(`The role "${viewer.role}" does not allow it.`);
    if (route.method === "POST") this.#checkToken(route, request, viewer);
    return this.#run(route, params, request, peer, viewer, url);
  }

  async #run(
    route: Route,
    params: Readonly<Record<string, string>>,
    request: Request,
    peer: Peer,
    viewer: Viewer | undefined,
    url: URL,
  ): Promise<Response> {
    if (this.#stopping.signal.aborted) throw shuttingDown();
    const inside = await this.#inside();
    const signal = AbortSignal.any([request.signal, this.#stopping.signal]);
    const nobody: Viewer = { name: "", role: "view", queues: [] };
    const visit = {
      request,
      inside,
      viewer: viewer ?? nobody,
      params,
      query: new Query(url.searchParams),
      address: this.#gate.clientOf(request, peer),
      signal,
    };
    const over = Promise.withResolvers<never>();
    using _timer = inside.clock.after(route.patience ?? patience, () =>
      over.reject(new ApiError(503, "TIMEOUT", "The answer took too long. Narrow the question, or try again.")),
    );
    const answer = await Promise.race([route.handle(visit), over.promise]);
    return answer instanceof Response ? answer : jsonAnswer(answer);
  }

  /** A program that names neither an origin nor a cookie is no browser, so nobody can have made it ask. */
  #checkToken(route: Route, request: Request, viewer: Viewer): void {
    if (route.dialect === "flower" && !isBrowser(request)) return;
    const token = request.headers.get("x-csrf-token") ?? "";
    if (!same(token, this.#gate.tokenOf(request, viewer)))
      throw forbidden(
        "The token of the session is missing or old: read csrf from /api/session, send it as X-CSRF-Token.",
      );
  }

  #file(request: Request, path: string): Response {
    if (request.method !== "GET" && request.method !== "HEAD")
      throw new ApiError(405, "BAD_REQUEST", "Nothing takes this.");
    if (/^\/api(?:\/|$)/.test(path)) throw notFound("The API knows no such path; /api/openapi.json lists all.");
    return this.#interface.answer(request, path, this.settings);
  }

  /** `undefined` for what is beside the prefix. */
  #below(pathname: string): string | undefined {
    const { prefix } = this.settings;
    if (prefix === "") return pathname;
    // Not a redirect to the path with the slash: Next, for one, sends that back here.
    if (pathname === prefix) return "/";
    // A server may put a slash behind every path, as Next does with `trailingSlash`.
    return pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length).replace(/(?<=.)\/$/, "") : undefined;
  }

  #inside(): Promise<Inside> {
    this.#starting ??= this.#open().catch(async (error: unknown) => {
      await this.#closeAll();
      this.#starting = undefined; // the next request tries again
      throw error;
    });
    return this.#starting;
  }

  async #open(): Promise<Inside> {
    const { settings } = this;
    const { clock } = this.#core;
    const closers = this.#closers;
    const history = await openHistory({ ...settings.history, clock, warn });
    closers.push(() => history.close());
    const audit = new AuditLog(settings.history.path);
    closers.push(() => audit.close());
    const figures = new EventMetrics();
    const hub = new Hub(clock, settings.maxStreams);
    closers.push(() => hub[Symbol.dispose]());
    const inside: Omit<Inside, "perform" | "note"> & { perform?: Perform; note?: Inside["note"] } = {
      app: this.#app,
      core: this.#core,
      clock,
      settings,
      gate: this.#gate,
      oidc: this.#oidc(),
      cluster: new ClusterState({ tasks: 1 }),
      past: history,
      audit,
      hub,
      figures,
      brokerFigures: new BrokerMetrics(),
      waits: new QueueWaits(),
      connect: () => this.#connect(),
      connected: () => this.#connected,
    };
    const whole = inside as Inside;
    inside.perform = new Perform(whole);
    const watch = new Watch(whole);
    inside.note = (events) => {
      history.ingest({ events, missed: 0 });
      watch.take(events);
    };
    closers.push(() => watch[Symbol.dispose]());
    const lookout = settings.alerts === undefined ? undefined : new Lookout(whole, settings.alerts);
    if (lookout !== undefined) closers.push(() => lookout[Symbol.dispose]());
    const take = (batch: EventBatch): void => {
      history.ingest(batch);
      whole.cluster.apply(
        batch.events.filter(({ type }) => type.startsWith("worker-")),
        clock.now(),
      );
      figures.take(batch.events, batch.missed);
      watch.take(batch.events);
      lookout?.take(batch.events);
    };
    const sampling = new Sampling(whole, (queues) => history.sample(queues));
    closers.push(() => sampling[Symbol.dispose]());
    const listening = this.#listen(take);
    closers.push(() => listening);
    const connect = this.#core.connect.bind(this.#core);
    const revokes = followRevokes({ ...whole, connect }, this.#stopping.signal);
    closers.push(() => revokes);
    const closed = this.#core.onClose(() => this.close());
    closers.push(() => closed[Symbol.dispose]());
    return whole;
  }

  #oidc(): Oidc | undefined {
    const { login, prefix } = this.settings;
    if (login?.oidc === undefined) return undefined;
    return new Oidc({ login: login.oidc, session: login.session, seal: this.#seal, clock: this.#core.clock, prefix });
  }

  async #closeAll(): Promise<void> {
    for (const close of this.#closers.splice(0).toReversed()) await close();
  }

  /** Until it is closed: a broker that is away is tried again. */
  async #listen(take: (batch: EventBatch) => void): Promise<void> {
    const { signal } = this.#stopping;
    const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    while (!signal.aborted) {
      let subscription: EventSubscription | undefined;
      try {
        subscription = await this.#app.events(take, { enable: true, signal });
        this.#connected = true;
        await ended;
      } catch {
        // Told by the pages that need the broker.
        await this.#core.clock.sleep(listenAgain, signal).catch(() => {});
      } finally {
        await subscription?.close().catch(() => {});
      }
    }
  }

  async #connect(): ReturnType<Inside["connect"]> {
    try {
      const backend = await connectSoon((signal) => this.#core.connect(signal), brokerPatience);
      this.#connected = true;
      return backend;
    } catch (error) {
      this.#connected = false;
      throw error;
    }
  }
}

function warn({ code, text }: { readonly code: string; readonly text: string }): void {
  process.emitWarning(text, { code });
}
