/** What a dashboard is told, checked once. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import { refuseUnknown } from "../task/options.ts";
import { checkLogin, type LoginOptions } from "./access/login.ts";
import { TrustedProxies } from "./access/trusted-proxies.ts";
import type { Viewer } from "./access/viewer.ts";
import { type AlertOptions, type AlertRules, resolveAlerts } from "./alert/rules.ts";

/**
 * What is told of somebody else's data before it leaves the server.
 *
 * @example
 * ```ts
 * import { dashboard, type Redaction } from "celeriac/dashboard";
 * const redact = (text: string, { kind, task }: Redaction) => (kind === "kwargs" && task === "card.pay" ? "***" : text);
 * const page = dashboard(app, { redact });
 * ```
 */
export interface Redaction {
  /** "args", "kwargs", "result", "error", "log", "message", "request". */
  readonly kind: string;
  readonly task?: string | undefined;
}

/**
 * How much is kept, and where.
 *
 * @example
 * ```ts
 * import { dashboard, type HistoryOptions } from "celeriac/dashboard";
 * const history: HistoryOptions = { path: "/var/lib/shop/dashboard.db", maxAge: "30d", maxBytes: 4 * 1024 ** 3 };
 * const page = dashboard(app, { history });
 * ```
 */
export interface HistoryOptions {
  /** Default ".celeriac/dashboard.db"; ":memory:" keeps it until the process ends. */
  readonly path?: string;
  /** Tasks whose last change is older are forgotten. Default "7d". */
  readonly maxAge?: Duration;
  /** The oldest are forgotten where the file would be larger, bytes. Default 1 GiB. */
  readonly maxBytes?: number;
}

/**
 * What a dashboard shows, and to whom.
 *
 * @example
 * ```ts
 * import { dashboard, type DashboardOptions } from "celeriac/dashboard";
 * const options: DashboardOptions = { prefix: "/celeriac", environment: "production", readOnly: true };
 * const page = dashboard(app, options);
 * ```
 */
export interface DashboardOptions {
  /** Path at which it is mounted, such as "/celeriac". Default: the root. */
  readonly prefix?: string;
  /** Shown in the top bar, such as "production". Default: the app's name. */
  readonly environment?: string;
  /** How people log in. Without it, and without `authorize`, this machine alone is served. */
  readonly login?: LoginOptions;
  /**
   * Who this is, as the server knows it in which the dashboard is mounted. `undefined`: nobody, answered with 401. Excludes `login`.
   */
  readonly authorize?: (request: Request) => Viewer | undefined | Promise<Viewer | undefined>;
  /** Names under which browsers may reach it, beside addresses and localhost. Default with `authorize`: all. */
  readonly hosts?: readonly string[];
  /**
   * Addresses, and networks such as "10.0.0.0/8", of the proxies before it: behind them whoever asks has the address that their
   * `X-Forwarded-For` says, for the limit of wrong passwords and in the audit log. Default: none, and what the header says counts nothing.
   */
  readonly trustedProxies?: readonly string[];
  /** Nobody changes anything, whatever the role. Default false. */
  readonly readOnly?: boolean;
  /** `/metrics` without a login, for scrapers that have none. Default false. */
  readonly openMetrics?: boolean;
  /** Where what happened is kept, and how much of it: a file, or more. What is done here is kept in a file beside it. */
  readonly history?: string | HistoryOptions;
  /** Every text of a task before it is shown: what is returned is shown instead. */
  readonly redact?: (text: string, what: Redaction) => string;
  /** Streams of changes open at once; one more is answered with 503. Default 100. */
  readonly maxStreams?: number;
  /** Calls somebody when something has been wrong for a while. Default: nobody. */
  readonly alerts?: AlertOptions;
}

export interface DashboardSettings {
  readonly prefix: string;
  readonly environment: string;
  readonly login: LoginOptions | undefined;
  readonly authorize: DashboardOptions["authorize"];
  readonly hosts: readonly string[];
  /** `undefined`: any. */
  readonly allowedHosts: readonly string[] | undefined;
  readonly trustedProxies: TrustedProxies;
  readonly readOnly: boolean;
  readonly openMetrics: boolean;
  readonly history: { readonly path: string; readonly maxAge: number; readonly maxBytes: number };
  readonly redact: (text: string, what: Redaction) => string;
  readonly maxStreams: number;
  readonly alerts: AlertRules | undefined;
}

/** Less holds nothing worth looking at. */
const leastBytes = 1024 ** 2;

const known: Readonly<Record<keyof DashboardOptions, true>> = {
  alerts: true,
  authorize: true,
  environment: true,
  history: true,
  hosts: true,
  login: true,
  maxStreams: true,
  openMetrics: true,
  prefix: true,
  readOnly: true,
  redact: true,
  trustedProxies: true,
};

/** Throws CONFIG_INVALID. */
export function resolveOptions(options: DashboardOptions, appName: string): DashboardSettings {
  refuseUnknown(options, Object.keys(known), "dashboard");
  const { login, authorize, maxStreams = 100 } = options;
  if (login !== undefined && authorize !== undefined)
    throw invalid("login and authorize exclude each other: either the dashboard asks who it is, or its server does.");
  const prefix = (options.prefix ?? "").replace(/\/+$/, "");
  if (prefix !== "" && !/^(?:\/[\w.~-]+)+$/.test(prefix))
    throw invalid(`prefix must be a plain path such as "/celeriac", not ${JSON.stringify(options.prefix)}.`);
  if (!Number.isSafeInteger(maxStreams) || maxStreams < 1) throw invalid("maxStreams must be a whole number from 1.");
  const hosts = [...(options.hosts ?? [])];
  if (login?.oidc !== undefined && URL.canParse(login.oidc.redirectUri))
    hosts.push(new URL(login.oidc.redirectUri).hostname);
  return {
    prefix,
    environment: options.environment ?? appName,
    login: login === undefined ? undefined : checkLogin(login),
    authorize,
    hosts,
    allowedHosts: authorize !== undefined && options.hosts === undefined ? undefined : hosts,
    trustedProxies: new TrustedProxies(options.trustedProxies ?? []),
    readOnly: options.readOnly ?? false,
    openMetrics: options.openMetrics ?? false,
    history: historyOf(typeof options.history === "string" ? { path: options.history } : options.history),
    redact: options.redact ?? ((text) => text),
    maxStreams,
    alerts: options.alerts === undefined ? undefined : resolveAlerts(options.alerts),
  };
}

function historyOf({
  path = ".celeriac/dashboard.db",
  maxAge = "7d",
  maxBytes = 1024 ** 3,
}: HistoryOptions = {}): DashboardSettings["history"] {
  if (!Number.isSafeInteger(maxBytes) || maxBytes < leastBytes)
    throw invalid(`history.maxBytes must be at least ${String(leastBytes)}.`);
  return { path, maxAge: durationMs(maxAge, "history.maxAge"), maxBytes };
}

function invalid(text: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `dashboard: ${text}`);
}
