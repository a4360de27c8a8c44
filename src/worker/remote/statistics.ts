/** `stats`: what a worker is made of, and what it has done, in the shape that Celery's tools and Flower show. */

import type { Station } from "./command.ts";

const defaultPorts: Readonly<Record<string, number>> = {
  "redis:": 6379,
  "rediss:": 6379,
  "amqp:": 5672,
  "amqps:": 5671,
};
/** Processes of one answer. */
const mostChildren = 200;

export function statistics(station: Station): Readonly<Record<string, unknown>> {
  const { report, events, clock, pool, settings, size, since, autoscaler } = station;
  const { busy, children } = pool.size;
  const shown = children.slice(0, mostChildren);
  const total = children.reduce((sum, { done }) => sum + done, 0);
  return {
    total: Object.fromEntries(report.byTask),
    pid: process.pid,
    // Celery's is a text.
    clock: String(events.clock.value),
    uptime: Math.round((clock.monotonic() - since) / 1000),
    pool: {
      implementation: `celeriac.pool:${settings.pool}`,
      "max-concurrency": size.slots,
      processes: shown.map(({ pid }) => pid),
      children: shown.map(({ pid, done, rss, lag }) => ({ pid, done, rss, lag })),
      "max-tasks-per-child": settings.maxTasksPerChild ?? "N/A",
      "put-guarded-by-semaphore": false,
      timeouts: [0, 0],
      writes: {
        total,
        avg: total === 0 ? "0.00" : (total / Math.max(1, children.length) / total).toFixed(2),
        all: shown.map(({ done }) => (total === 0 ? "0.00" : (done / total).toFixed(2))).join(", "),
        raw: shown.map(({ done }) => String(done)).join(", "),
        strategy: "least-busy",
        inqueues: { total: children.length, active: busy },
      },
    },
    broker: brokerFacts(station),
    prefetch_count: size.slots,
    rusage: resources(),
    ...(autoscaler && { autoscaler: autoscaler.facts }),
  };
}

/** Never with the password. */
function brokerFacts({ core: { config } }: Station): Readonly<Record<string, unknown>> {
  const { protocol, hostname, port, username, pathname } = config.broker;
  const amqp = protocol.startsWith("amqp");
  const path = decodeURIComponent(pathname.replace(/^\//, ""));
  return {
    hostname: hostname === "" ? null : hostname,
    userid: username === "" ? null : decodeURIComponent(username),
    virtual_host: path === "" ? (amqp ? "/" : "0") : path,
    port: port === "" ? (defaultPorts[protocol] ?? null) : Number(port),
    insist: false,
    ssl: protocol === "rediss:" || protocol === "amqps:",
    transport: amqp ? "amqp" : protocol.slice(0, -1).replace("rediss", "redis"),
    connect_timeout: config.publishTimeout / 1000,
    transport_options: config.keyPrefix === "" ? {} : { global_keyprefix: config.keyPrefix },
    login_method: null,
    uri_prefix: null,
    heartbeat: null,
    failover_strategy: "round-robin",
    alternates: [],
    credential_provider: null,
  };
}

function resources(): Readonly<Record<string, number>> {
  const used = process.resourceUsage();
  return {
    utime: used.userCPUTime / 1e6,
    stime: used.systemCPUTime / 1e6,
    maxrss: used.maxRSS,
    ixrss: used.sharedMemorySize,
    idrss: used.unsharedDataSize,
    isrss: used.unsharedStackSize,
    minflt: used.minorPageFault,
    majflt: used.majorPageFault,
    nswap: used.swappedOut,
    inblock: used.fsRead,
    oublock: used.fsWrite,
    msgsnd: used.ipcSent,
    msgrcv: used.ipcReceived,
    nsignals: used.signalsCount,
    nvcsw: used.voluntaryContextSwitches,
    nivcsw: used.involuntaryContextSwitches,
  };
}
