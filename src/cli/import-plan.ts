/**
 * What an importer has found, and what becomes of it. Each thing is taken over, or listed with the reason why not; the source is only read.
 */

import type { App } from "../app/app.ts";
import type { ScheduleOptions } from "../app/schedule-book.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Schedule } from "../task/schedule.ts";
import { Signature } from "../task/signature.ts";
import { exitCode } from "./failure.ts";
import { inSession, type Target } from "./target.ts";
import { paint, printJson, printTable } from "./terminal.ts";

export interface PlannedSchedule {
  readonly name: string;
  readonly schedule: Schedule;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: ScheduleOptions;
}
export interface PlannedJob {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly queue: string;
  /** `undefined`: now. */
  readonly due: Date | undefined;
}
/** `source`: where it stands, for people. */
export type ImportItem =
  | { readonly source: string; readonly planned: PlannedSchedule }
  | { readonly source: string; readonly job: PlannedJob }
  | { readonly source: string; readonly why: string };

export interface ImportFlags extends Target {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Row {
  readonly source: string;
  readonly state: "taken over" | "would be taken over" | "left";
  readonly name: string;
  readonly schedule: string;
  readonly task: string;
  readonly why: string;
}

/** Adds what is planned, unless it is only to be shown. Exit code 1 if anything was left. `taken` is told what was added. */
export async function carryOut(
  items: readonly ImportItem[],
  flags: ImportFlags,
  taken: (sources: readonly string[]) => void = () => {},
): Promise<number> {
  const rows: Row[] = [];
  if (flags.dryRun === true) rows.push(...items.map((item) => rowOf(item, "would be taken over")));
  else {
    await inSession(flags, async ({ app }) => {
      for (const item of items) {
        const why = "why" in item ? item.why : await reasonAgainst(() => take(app, item));
        rows.push(why === undefined ? rowOf(item, "taken over") : { ...rowOf(item, "left"), state: "left", why });
      }
    });
    taken(rows.filter(({ state }) => state === "taken over").map(({ source }) => source));
  }
  if (flags.json === true) printJson(rows);
  else
    printTable(
      [
        { title: "from", cell: ({ source }) => source },
        { title: "", cell: ({ state }) => paint(state === "left" ? "yellow" : "green", state) },
        { title: "name", cell: ({ name }) => name },
        { title: "schedule", cell: ({ schedule }) => schedule },
        { title: "task", cell: ({ task }) => task },
        { title: "why", cell: ({ why }) => why },
      ],
      rows,
    );
  return rows.some(({ state }) => state === "left") ? exitCode.error : exitCode.done;
}

async function take(app: App, item: Exclude<ImportItem, { readonly why: string }>): Promise<void> {
  if ("planned" in item) {
    const { name, schedule, task, args, kwargs, options } = item.planned;
    await app.schedules.add(name, schedule, new Signature({ task, args, kwargs, immutable: true }), options);
    return;
  }
  const { id, task, args, kwargs, queue, due } = item.job;
  const call = new Signature<unknown, unknown>({ task, args, kwargs, immutable: true });
  const sent = await app.enqueue(call, { id, queue, ...(due !== undefined && { eta: due }) });
  if (sent.duplicate) throw new Error("it was taken over before");
}

/** Why it was not taken over; `undefined` if it was. What concerns one alone keeps none of the others back. */
async function reasonAgainst(taking: () => Promise<void>): Promise<string | undefined> {
  try {
    await taking();
    return undefined;
  } catch (error) {
    if (!(error instanceof CeleriacError)) return reasonOf(error);
    if (ofOne.has(error.code)) return `${error.code}: ${error.message}`;
    throw error;
  }
}

const ofOne: ReadonlySet<string> = new Set([
  "SCHEDULE_TAKEN",
  "SCHEDULE_IN_CODE",
  "NAME_INVALID",
  "CONFIG_INVALID",
  "NOT_SERIALIZABLE",
  "DURATION_INVALID",
  "MESSAGE_TOO_LARGE",
]);

function rowOf(item: ImportItem, state: Row["state"]): Row {
  if ("why" in item) return { source: item.source, state: "left", name: "", schedule: "", task: "", why: item.why };
  if ("job" in item) {
    const { id, task, due } = item.job;
    return { source: item.source, state, name: id, schedule: due?.toISOString() ?? "now", task, why: "" };
  }
  const { name, schedule, task } = item.planned;
  return { source: item.source, state, name, schedule: String(schedule), task, why: "" };
}

/** What a reader cannot make sense of. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
