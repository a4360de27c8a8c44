/** The workers that are there, ours and Python's, each in a line: what it is, how much it does, and from which queues it takes. */

import { askWorkers, nobody, type RemoteFlags } from "./remote.ts";
import { exitCode } from "./failure.ts";
import type { Session } from "./target.ts";
import { age, printJson, printTable } from "./terminal.ts";

interface Listed {
  readonly name: string;
  readonly kind: "celeriac" | "celery" | "?";
  readonly pid: number | undefined;
  readonly pool: string;
  readonly slots: number | undefined;
  readonly active: number | undefined;
  /** Since its start. */
  readonly done: number | undefined;
  /** Seconds. */
  readonly uptime: number | undefined;
  readonly queues: readonly string[];
}

export async function listWorkers(session: Session, flags: RemoteFlags): Promise<number> {
  const questions = ["stats", "active", "active_queues"].map((method) => askWorkers(session, method, {}, flags));
  const [stats, active, queues] = await Promise.all(questions);
  const names = [...new Set([stats, active, queues].flatMap((answers) => [...(answers?.keys() ?? [])]))].toSorted();
  if (names.length === 0) throw nobody(session, flags);
  const workers = names.map((name) => listed(name, stats?.get(name), active?.get(name), queues?.get(name)));
  if (flags.json === true) {
    printJson(workers);
    return exitCode.done;
  }
  const shown = (value: number | undefined): string => (value === undefined ? "?" : String(value));
  printTable<Listed>(
    [
      { title: "worker", cell: ({ name }) => name },
      { title: "kind", cell: ({ kind }) => kind },
      { title: "pid", cell: ({ pid }) => shown(pid), right: true },
      { title: "pool", cell: ({ pool }) => pool },
      { title: "active", cell: (one) => `${shown(one.active)}/${shown(one.slots)}`, right: true },
      { title: "done", cell: ({ done }) => shown(done), right: true },
      { title: "up", cell: ({ uptime }) => (uptime === undefined ? "?" : age(uptime * 1000)), right: true },
      { title: "queues", cell: (one) => one.queues.join(",") },
    ],
    workers,
  );
  return exitCode.done;
}

function listed(name: string, stats: unknown, active: unknown, queues: unknown): Listed {
  const { pid, uptime, total, pool } = recordOf(stats);
  const { implementation, "max-concurrency": slots } = recordOf(pool);
  const made = typeof implementation === "string" ? implementation : "";
  return {
    name,
    kind: stats === undefined ? "?" : made.startsWith("celeriac") ? "celeriac" : "celery",
    pid: numberOf(pid),
    // "celeriac.pool:process", "celery.concurrency.prefork:TaskPool"
    pool: made.startsWith("celeriac") ? made.replace(/^.*:/, "") : made.replace(/:.*$/, "").replace(/^.*\./, ""),
    slots: numberOf(slots),
    active: Array.isArray(active) ? active.length : undefined,
    done:
      stats === undefined
        ? undefined
        : Object.values(recordOf(total)).reduce<number>((sum, n) => sum + (numberOf(n) ?? 0), 0),
    uptime: numberOf(uptime),
    queues: Array.isArray(queues) ? queues.map((queue) => wordOf(recordOf(queue)["name"])) : [],
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

const wordOf = (value: unknown): string => (typeof value === "string" ? value : "?");
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
