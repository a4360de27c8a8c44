/** `celeriac/dashboard`: the dashboard as a handler, and what mounts it. Producers and workers load nothing of it. */

export type { DashboardUser, Grant, LoginOptions, OidcLogin, ProxyLogin, RoleRules } from "./access/login.ts";
export { hashPassword } from "./access/password.ts";
export type { Peer } from "./access/gate.ts";
export type { Viewer } from "./access/viewer.ts";
export type { AlertNotice } from "./alert/alarm.ts";
export type { AlertKind, AlertOptions } from "./alert/rules.ts";
export { dashboard } from "./dashboard.ts";
export type { Dashboard } from "./dashboard.ts";
export { dashboardPlugin } from "./http/fastify-plugin.ts";
export type { DashboardPluginOptions } from "./http/fastify-plugin.ts";
export { fetchHandler } from "./http/fetch-handler.ts";
export type { FetchHandler, FetchHandlerOptions } from "./http/fetch-handler.ts";
export { nodeListener } from "./http/node-listener.ts";
export type { NodeListener, NodeListenerOptions } from "./http/node-listener.ts";
export { serveDashboard } from "./http/server.ts";
export type { ServedDashboard, ServeOptions } from "./http/server.ts";
export type { DashboardOptions, HistoryOptions, Redaction } from "./options.ts";
