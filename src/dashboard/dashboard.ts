/**
 * The dashboard as one web-standard handler: give it requests, it gives answers, in whatever server. It listens to what workers tell from the
 * moment it is started, keeps it, and lets go of everything when it is closed or the app is.
 */

import { type App, coreOf } from "../app/app.ts";
import type { Peer } from "./access/gate.ts";
import { Engine } from "./engine.ts";
import { type DashboardOptions, resolveOptions } from "./options.ts";

/**
 * A handler with a beginning and an end.
 *
 * @example
 * ```ts
 * import { type Dashboard, dashboard } from "celeriac/dashboard";
 * const page: Dashboard = dashboard(app, { prefix: "/celeriac" });
 * const response = await page(new Request("http://localhost/celeriac/"), { address: "127.0.0.1" });
 * console.log(response.status);
 * await page.close();
 * ```
 */
export interface Dashboard extends AsyncDisposable {
  /** Never rejects. `peer`: what the server knows of who asks; without its address nobody is taken for this machine. */
  (request: Request, peer?: Peer): Promise<Response>;
  readonly prefix: string;
  /** True where no login is set up, so that it must not be reachable from elsewhere. */
  readonly open: boolean;
  /** Opens the history and begins to listen; the first request does it too. Rejects with the coded error of the history's file. */
  start(): Promise<void>;
  /** Safe twice. The app stays open. */
  close(): Promise<void>;
}

/**
 * Makes the dashboard of an app. Throws CONFIG_INVALID. Nothing is opened before the first request or `start`.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createApp } from "celeriac";
 * import { dashboard, nodeListener } from "celeriac/dashboard";
 *
 * const app = createApp({ name: "shop" });
 * const page = dashboard(app, { environment: "development" });
 * createServer(nodeListener(page)).listen(8555, "127.0.0.1");
 * ```
 */
export function dashboard(app: App, options: DashboardOptions = {}): Dashboard {
  const core = coreOf(app);
  const engine = new Engine(app, core, resolveOptions(options, core.name));
  const handle = async (request: Request, peer: Peer = {}): Promise<Response> => engine.handle(request, peer);
  return Object.assign(handle, {
    prefix: engine.settings.prefix,
    open: engine.isOpen,
    start: () => engine.start(),
    close: () => engine.close(),
    [Symbol.asyncDispose]: () => engine.close(),
  });
}
