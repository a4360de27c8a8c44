/** What lies in a database or a queue until somebody reads it: rows of an outbox, schedules, facts, letters, joins, saved groups. */

import { queueOf } from "../../src/beat/call.ts";
import { cron } from "../../src/beat/cron.ts";
import { type Entry, isReadable, readEntry, tickId, writeEntry } from "../../src/beat/entry.ts";
import { every } from "../../src/beat/every.ts";
import { planNext } from "../../src/beat/plan.ts";
import { parseSchedule } from "../../src/beat/schedule-spec.ts";
import { leavesOf, resultNode, savedNode } from "../../src/canvas/result-reading.ts";
import { fieldsOf, jobOf, schedulerOf } from "../../src/cli/bullmq-reader.ts";
import { readCrontab } from "../../src/cli/crontab-reader.ts";
import { readRevocation, readTaskLimit } from "../../src/control/facts.ts";
import { SyntaxFault } from "../../src/driver/rabbitmq/amqp/byte-reader.ts";
import { readProperties } from "../../src/driver/rabbitmq/amqp/properties.ts";
import { readLetter } from "../../src/driver/rabbitmq/letter.ts";
import { letterHeader } from "../../src/driver/rabbitmq/received.ts";
import { memberOf } from "../../src/driver/redis/joins.ts";
import { packParcel, unpackParcel } from "../../src/outbox/parcel.ts";
import { stringifyJson } from "../../src/wire/json.ts";
import { shapeIn } from "../../src/worker/chord-values.ts";
import { fullMessage, letterProperties, metas } from "./samples.ts";
import { bytesOf, readerOf, refusing, type Target, textOf } from "./target.ts";

const moment = 1_790_000_000_000;

const entry: Entry = {
  name: "nightly",
  schedule: cron("0 3 * * *", { timezone: "Europe/Prague" }),
  signature: {
    task: "t.add",
    args: [],
    kwargs: {},
    options: { queue: "celery" },
    subtask_type: null,
    immutable: true,
  },
  sending: { queue: "slow", priority: 3 },
  policy: { misfire: "all", grace: 60_000, overlap: "queue", jitter: 10_000, limit: 10 },
  source: "code",
  owner: "shop",
  version: "0123456789abcdef",
  ids: "5b0a9c1e-3f64-4d0b-9a57-c61e7d2f8b43",
  since: moment,
  from: moment,
  paused: false,
  byHand: false,
  updated: moment,
};

export const storedTargets: readonly Target[] = [
  {
    name: "outbox",
    samples: [
      packParcel({
        sends: [
          { queue: "celery", message: fullMessage, due: moment },
          { queue: "celery", message: fullMessage, dedupe: { id: "a", nonce: "n", window: 1000 } },
        ],
        joins: [{ group: "g", size: 2, ttl: 1000, body: bytesOf("{}") }],
      }),
    ].map(bytesOf),
    feed: (bytes) => refusing(() => unpackParcel(textOf(bytes))),
  },
  {
    name: "schedule-entry",
    samples: [
      writeEntry(entry),
      writeEntry({ ...entry, schedule: every("90s"), policy: { ...entry.policy, misfire: "skip", overlap: "allow" } }),
    ].map(bytesOf),
    feed(bytes) {
      const read = readEntry("nightly", textOf(bytes));
      if (!isReadable(read)) return;
      // What is readable can be gone by.
      for (const now of [read.from, read.from + 3_600_000]) planNext(read, read.from, now);
      tickId(read, moment);
      queueOf(read);
      writeEntry(read);
    },
  },
  {
    name: "schedule-words",
    samples: ["0 3 * * * Europe/Prague gap=skip overlap=both", "every 1d relative UTC", "solar sunset 50.08 14.42"].map(
      bytesOf,
    ),
    feed: (bytes) => refusing(() => String(parseSchedule(textOf(bytes)))),
  },
  {
    name: "crontab",
    samples: [
      "CRON_TZ=Europe/Prague\nMAILTO=''\n*/5 * * * 1-7 /usr/bin/mail -s a%b\\%c\n@daily x\n0 0 1,15 * * FOO=1 run\n",
      "17 * * * * root cd / && run-parts /etc/cron.hourly\n",
    ].map(bytesOf),
    feed(bytes) {
      for (const system of [false, true]) readCrontab(textOf(bytes), { system, task: "shell", timezone: "UTC" });
    },
  },
  {
    name: "bullmq",
    samples: [
      ["name", "send", "data", '{"to":"Ada"}', "opts", '{"attempts":0}', "timestamp", "1790000000000", "delay", "0"],
      ["name", "report", "data", '{"n":1}', "pattern", "0 3 * * 7", "tz", "Europe/Prague", "ic", "3"],
      ["name", "poll", "every", "60000", "data", "7", "startDate", "2020-01-01T00:00:00.000Z"],
      ["name", "constructor", "data", "[1, {}]", "parentKey", "bull:q:1", "rjk", "a"],
    ].map((hash) => bytesOf(JSON.stringify(["5", "7331840000000004", ...hash]))),
    feed(bytes) {
      const [id = "", score = "", ...hash] = textsIn(bytes);
      const place = { queue: "mail", tasks: { send: "mail.send" }, timezone: "UTC" };
      const fields = fieldsOf(hash);
      for (const item of [schedulerOf(place, id, fields), jobOf(place, id, fields, score), jobOf(place, id, fields)]) {
        if (item === undefined || "why" in item) continue;
        // What is planned can be shown and packed, as `--dry-run` and `enqueue` do.
        const { task, args, kwargs } = "planned" in item ? item.planned : item.job;
        if (typeof task !== "string") throw new Error(`its task is a ${typeof task}`);
        if ("job" in item) item.job.due?.toISOString();
        else String(item.planned.schedule);
        stringifyJson([args, kwargs], { limits: { depth: 70 } });
      }
    },
  },
  {
    name: "control-facts",
    samples: [
      '{"terminate":true,"signal":"SIGKILL","at":1790000000000,"reason":"no"}',
      '{"rate":"10/m","soft":1000,"hard":null}',
    ].map(bytesOf),
    feed(bytes) {
      readRevocation(textOf(bytes));
      readTaskLimit(textOf(bytes));
    },
  },
  {
    name: "rabbitmq-letter",
    samples: [
      bytesOf(
        '{"key":"1","id":"a","task":"t","queue":"q","reason":"crashed","at":1,"detail":"d","bare":false,"attempts":[{"attempt":1,"worker":"w","exit":{"code":1,"signal":null}}]}',
      ),
      letterProperties,
    ],
    feed(bytes) {
      const body = bytesOf("[[],{},{}]");
      const headers = { ...fullMessage.headers, [letterHeader]: textOf(bytes) };
      readLetter({ properties: { contentType: "application/json", headers }, fault: undefined, body }, "celery.dead");
      refusing(
        () => readLetter({ properties: readProperties(readerOf(bytes)), fault: undefined, body }, "celery.dead"),
        SyntaxFault,
      );
    },
  },
  {
    name: "chord-member",
    samples: ['[1, "g.0", "SUCCESS", 0]', '[1, "g.4", "FAILURE", {"exc_type": "E\\u00fc"}]'].map(bytesOf),
    feed: (bytes) => refusing(() => memberOf("g", 0, textOf(bytes))),
  },
  {
    name: "saved-group",
    samples: [
      '{"result": [["g", null], [[["a", null], null], [["h", ["p", null]], [[["b", null], null]]]]]}',
      '{"result": ["a", null]}',
      ...metas,
    ].map(bytesOf),
    feed(bytes) {
      shapeIn(bytes);
      let value: unknown;
      try {
        value = JSON.parse(textOf(bytes));
      } catch {
        return;
      }
      for (const node of [savedNode(value), resultNode(value)]) if (node !== undefined) leavesOf(node);
    },
  },
];

/** A hash of Redis has texts only; parts of a hostile input that are none are taken as what they look like. */
function textsIn(bytes: Uint8Array): readonly string[] {
  try {
    const value: unknown = JSON.parse(textOf(bytes));
    return Array.isArray(value) ? value.map(String) : [textOf(bytes)];
  } catch {
    return textOf(bytes).split('"');
  }
}
