/** The dashboard as a process: prints where it is, and serves until the first SIGTERM or SIGINT. */

import { readFileSync } from "node:fs";
import { type DashboardUser, hashPassword, serveDashboard, type ServeOptions } from "../dashboard/index.ts";
import { systemClock } from "../clock/clock.ts";
import { SpareMemory } from "../heap/spare-memory.ts";
import type { Duration } from "../task/duration.ts";
import { exitCode, UsageError } from "./failure.ts";
import { given } from "./option.ts";
import { askPassword } from "./password.ts";
import { StopSignal } from "./stop-signal.ts";
import { type Target, targetApp } from "./target.ts";
import { paint, printJson, printLine } from "./terminal.ts";

export interface DashboardFlags extends Target {
  readonly host?: string;
  readonly port?: number;
  readonly prefix?: string;
  readonly user?: readonly string[];
  readonly users?: string;
  readonly allowHost?: readonly string[];
  readonly trustedProxies?: readonly string[];
  readonly history?: string;
  readonly keep?: string;
  readonly keepSize?: number;
  readonly environment?: string;
  readonly readOnly?: boolean;
  readonly openMetrics?: boolean;
  readonly config?: string;
  readonly json?: boolean;
}

/** For `--user` where nobody can type: the password of the only one. */
const passwordVariable = "CELERIAC_DASHBOARD_PASSWORD";

export async function runDashboard(flags: DashboardFlags): Promise<number> {
  using stop = new StopSignal();
  const options = await optionsOf(flags);
  const { app } = await targetApp(flags);
  try {
    await using served = await serveDashboard(app, options);
    // Bursts of events leave it with a young generation of over 100 MB, and it never rests.
    using _spare = new SpareMemory(systemClock, undefined);
    if (flags.json === true)
      printJson({ event: "dashboard.ready", url: served.url, login: options.login !== undefined });
    else {
      printLine(`${paint("bold", "dashboard")}  ${served.url}`);
      if (options.login === undefined) printLine(paint("dim", "no login: for this machine alone. Ctrl-C ends it."));
    }
    await new Promise<void>((resolve) => {
      if (stop.signal.aborted) resolve();
      else stop.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  } finally {
    await app.close();
  }
  return exitCode.done;
}

async function optionsOf(flags: DashboardFlags): Promise<ServeOptions> {
  const { config, allowHost, trustedProxies, user = [], users: file } = flags;
  const base = config === undefined ? {} : (json(config, "--config") as ServeOptions);
  const listed = file === undefined ? [] : (json(file, "--users") as readonly DashboardUser[]);
  if (!Array.isArray(listed)) throw new UsageError("--users must name a file with a JSON list.");
  const named: DashboardUser[] = [];
  for (const text of user) named.push(await userOf(text, user.length === 1));
  const users = [...(base.login?.users ?? []), ...listed, ...named] as readonly DashboardUser[];
  const { host, port, prefix, history: path, keep, keepSize, environment, readOnly, openMetrics } = flags;
  return {
    ...base,
    ...given({ host, port, prefix, environment, readOnly, openMetrics }),
    history: {
      ...(typeof base.history === "string" ? { path: base.history } : base.history),
      ...given({ path, maxAge: keep as Duration | undefined, maxBytes: keepSize }),
    },
    ...(allowHost !== undefined && { hosts: [...(base.hosts ?? []), ...allowHost] }),
    ...(trustedProxies !== undefined && { trustedProxies: [...(base.trustedProxies ?? []), ...trustedProxies] }),
    ...(users.length > 0 && { login: { ...base.login, users } }),
  };
}

/** "ann:operate", "bob:view:mail,sms". */
async function userOf(text: string, only: boolean): Promise<DashboardUser> {
  const [name = "", role = "", queues] = text.split(":");
  if (name === "" || !["view", "operate", "admin"].includes(role))
    throw new UsageError(`--user ${text}: write name:role, with view, operate or admin.`);
  const said = only ? process.env[passwordVariable] : undefined;
  if ((said === undefined || said === "") && !process.stdin.isTTY)
    throw new UsageError(`--user asks for a password, and nobody is there. Give ${passwordVariable}, or --users FILE.`);
  const password = said === undefined || said === "" ? await askPassword(`Password for ${name}: `) : said;
  return {
    name,
    role: role as DashboardUser["role"],
    password: await hashPassword(password),
    ...(queues !== undefined && { queues: queues.split(",").filter((queue) => queue !== "") }),
  };
}

function json(path: string, option: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch (error) {
    throw new UsageError(`${option} ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
