/** What people and peers write as text: schedules, durations, rates, sizes. */

import { cron } from "../../src/beat/cron.ts";
import { type Duration, durationMs } from "../../src/task/duration.ts";
import { parseRate } from "../../src/task/rate.ts";
import { checkQueueName, checkTaskName } from "../../src/wire/name.ts";
import { bytesOf, refusing, type Target, textOf } from "./target.ts";

const from = Date.UTC(2026, 0, 1);

export const textTargets: readonly Target[] = [
  {
    name: "cron",
    samples: [
      "*/5 * * * *",
      "0 9-17/2 * * mon-fri",
      "30 4 1,15 * 5",
      "0 0 29 2 *",
      "0 0 30 2 *",
      "@daily",
      "* * * * sun",
    ].map(bytesOf),
    feed(bytes) {
      refusing(() => {
        const schedule = cron(textOf(bytes));
        const next = schedule.next(from, from);
        if (next !== undefined && !(next > from)) throw new Error(`the next time is ${String(next)}`);
      });
    },
  },
  {
    name: "duration",
    samples: ["30s", "1.5h", "250ms", "2w", "0s"].map(bytesOf),
    feed(bytes) {
      refusing(() => {
        const ms = durationMs(textOf(bytes) as Duration);
        if (!Number.isFinite(ms) || ms < 0) throw new Error(`it is ${String(ms)} ms`);
      });
    },
  },
  {
    name: "rate",
    samples: ["10/m", "5", "0.5/s", "200/h"].map(bytesOf),
    feed(bytes) {
      const rate = parseRate(textOf(bytes));
      if (
        rate !== undefined &&
        rate !== "unreadable" &&
        !(Number.isFinite(rate.limit) && rate.limit > 0 && rate.burst >= 1)
      )
        throw new Error(`it is ${JSON.stringify(rate)}`);
    },
  },
  {
    name: "name",
    samples: ["t.add", "celery", "{shop}:mail", "proj.tasks:add-1"].map(bytesOf),
    feed(bytes) {
      const text = textOf(bytes);
      refusing(() => {
        checkTaskName(text);
        if (!/^[A-Za-z_][\w.:-]*$/.test(text) || text in {}) throw new Error(`it takes ${JSON.stringify(text)}`);
      });
      refusing(() => {
        checkQueueName(text);
        if (/\p{Cc}/u.test(text)) throw new Error(`it takes ${JSON.stringify(text)}`);
      });
    },
  },
];
