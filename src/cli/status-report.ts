/** What is going on, at one look: queues, the workers that hold tasks, dead letters. Reads only. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { DeadLetter, Held, QueueState } from "../port/queue-admin.ts";
import { redactUrl } from "../app/connect.ts";
import { clean } from "../wire/visible-text.ts";
import { exitCode } from "./failure.ts";
import { listsAll, queueColumns, queueFacts, unlisted } from "./queue-list.ts";
import type { Session } from "./target.ts";
import { askWorkers } from "./remote.ts";
import { age, paint, printJson, printLine, printTable } from "./terminal.ts";

/** Leases and dead letters that are looked at; above this the counts end in "+". */
const most = 2000;
const page = 200;

interface Holder {
  readonly worker: string;
  readonly leased: number;
  /** When the first of its leases ends, unless it is renewed. */
  readonly leaseUntil: number | undefined;
}

export interface StatusFlags {
  readonly json?: boolean;
  readonly timeout: string;
}

export async function printStatus(session: Session, { json, timeout }: StatusFlags): Promise<number> {
  const { backend, core } = session;
  const { broker } = backend;
  // Waits for silence, so it is asked beside all else.
  const asking = askWorkers(session, "ping", {}, { timeout });
  asking.catch(() => {});
  const queues = await broker.queues.list();
  const leases = broker.features.browse === "all" ? await leased(session, queues) : undefined;
  const letters = await told(everything<DeadLetter>((after) => broker.dead.list({}, after, page)));
  const workers = leases && holders(leases.items);
  const reasons = Map.groupBy(letters?.items ?? [], ({ reason }) => reason);
  const url = redactUrl(core.config.broker);
  const online = [...(await asking).keys()].toSorted();
  if (json === true) {
    printJson({
      broker: url,
      queues: queues.map(queueFacts),
      online,
      workers: workers?.map((holder) => ({ ...holder, leaseUntil: iso(holder.leaseUntil) })),
      deadLetters: letters && {
        total: letters.items.length,
        complete: letters.complete,
        reasons: Object.fromEntries([...reasons].map(([reason, { length }]) => [reason, length])),
      },
    });
    return exitCode.done;
  }
  const now = core.clock.now();
  printLine(`${paint("bold", "broker")}  ${url}\n`);
  if (queues.length === 0) printLine("no queue holds anything");
  else printTable(queueColumns(now), queues);
  if (!listsAll(broker)) printLine(paint("dim", unlisted));
  printLine("");
  if (online.length === 0) printLine("no worker answers");
  else printLine(`${paint("bold", "online")}  ${online.map((node) => clean(node)).join(", ")}`);
  if (workers === undefined) printLine("this broker does not tell which workers hold tasks");
  else if (workers.length === 0) printLine("no worker holds a task");
  else {
    printTable<Holder>(
      [
        { title: "worker", cell: ({ worker }) => worker },
        { title: "tasks", cell: (holder) => holder.leased, right: true },
        {
          title: "lease ends in",
          cell: ({ leaseUntil }) => (leaseUntil === undefined ? "?" : age(leaseUntil - now)),
          right: true,
        },
      ],
      workers,
    );
  }
  if (letters === undefined) {
    printLine("this broker does not list dead letters");
    return exitCode.done;
  }
  const total = `${String(letters.items.length)}${letters.complete ? "" : "+"}`;
  const parts = [...reasons].map(([reason, { length }]) => `${String(length)} ${reason}`).join(", ");
  printLine(`\n${paint("bold", "dead letters")}  ${total}${parts === "" ? "" : ` (${parts}); celeriac dlq list`}`);
  return exitCode.done;
}

async function leased(session: Session, queues: readonly QueueState[]): Promise<{ readonly items: readonly Held[] }> {
  const items: Held[] = [];
  for (const { name, leased: count } of queues) {
    if (count === 0 || items.length >= most) continue;
    items.push(
      ...(await everything<Held>((after) => session.backend.broker.queues.browse(name, "leased", after, page))).items,
    );
  }
  return { items };
}

function holders(leases: readonly Held[]): readonly Holder[] {
  return [...Map.groupBy(leases, ({ worker }) => worker ?? "unknown")]
    .map(([worker, held]) => {
      const ends = held.map(({ leaseUntil }) => leaseUntil).filter((until) => until !== undefined);
      return { worker, leased: held.length, leaseUntil: ends.length === 0 ? undefined : Math.min(...ends) };
    })
    .toSorted((a, b) => b.leased - a.leased);
}

/** `undefined` where the broker cannot tell. */
export async function told<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CeleriacError && error.code === "NOT_SUPPORTED") return undefined;
    throw error;
  }
}

/** All pages, up to `most` items. */
async function everything<T>(
  read: (after: string | undefined) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
): Promise<{ readonly items: readonly T[]; readonly complete: boolean }> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const { items: found, next } = await read(after);
    items.push(...found);
    after = next;
  } while (after !== undefined && items.length < most);
  return { items, complete: after === undefined };
}

const iso = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString());
