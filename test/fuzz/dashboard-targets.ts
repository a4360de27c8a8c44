/** What the dashboard reads: events as its history keeps them, actions that a browser posts, arguments as Python prints them. */

import { readAction } from "../../src/dashboard/action/reading.ts";
import { readLiteral } from "../../src/dashboard/action/literal.ts";
import { readTaskEvent } from "../../src/dashboard/history/reading.ts";
import { ApiError } from "../../src/dashboard/http/failure.ts";
import type { CeleryEvent } from "../../src/wire/event.ts";
import { stringifyJson } from "../../src/wire/json.ts";
import { events } from "./samples.ts";
import { bytesOf, refusing, type Target, textOf } from "./target.ts";

const told = { timestamp: 1_790_000_000.5, hostname: "w@host", utcoffset: 0, pid: 7, clock: 3, uuid: "a" };

export const dashboardTargets: readonly Target[] = [
  {
    name: "task-event",
    samples: [
      JSON.stringify({ ...told, type: "task-sent", name: "t.add", eta: "2030-01-02T03:04:05", planned: [{ id: "b" }] }),
      JSON.stringify({ ...told, type: "task-retried", exception: "E()", traceback: "…", delay: 5, retries: 2 }),
      JSON.stringify({ ...told, type: "celeriac-progress", done: 1, total: 2, note: "n" }),
      JSON.stringify({ ...told, type: "celeriac-log", level: "info", text: "x", fields: { a: [1] } }),
      JSON.stringify({ ...told, type: "celeriac-dead", reason: "crashed", detail: "d" }),
      ...events,
    ].map(bytesOf),
    feed(bytes) {
      const value = parsed(bytes);
      for (const each of Array.isArray(value) ? (value as unknown[]) : [value])
        if (typeof each === "object" && each !== null && typeof (each as CeleryEvent).type === "string")
          readTaskEvent(each as CeleryEvent);
    },
  },
  {
    name: "action",
    samples: [
      { do: "task.retry", tasks: { ids: ["a", "b"] } },
      { do: "task.revoke", tasks: { filter: { state: ["started"], from: 5, text: "x" }, expect: 3 }, terminate: true },
      { do: "task.edit-and-run", id: "a", task: "t.add", args: "[1]", kwargs: "{}", queue: "celery", delay: 5 },
      { do: "queue.purge", queue: "celery", typed: "celery", ready: true, delayed: false },
      { do: "worker.autoscale", worker: "w@host", min: 1, max: 5 },
      { do: "limit.rate", task: "t.add", rate: "10/m" },
      { do: "dead.redrive", letters: { filter: { queue: "celery" }, expect: 3 } },
    ].map((action) => bytesOf(JSON.stringify(action))),
    feed: (bytes) => refusing(() => readAction(parsed(bytes)), ApiError),
  },
  {
    name: "literal",
    samples: ["[1, 'ü\\n\\x41', (1,), {'a': None, 'b': [True, -1.5e3]}]", "({'x': 12345678901234567890},)"].map(
      bytesOf,
    ),
    feed(bytes) {
      const literal = readLiteral(textOf(bytes));
      if (literal !== undefined) stringifyJson(literal.value, { limits: { depth: 65 } });
    },
  },
];

/** Undefined for what is no JSON: the server refuses that before. */
function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(bytes));
  } catch {
    return undefined;
  }
}
