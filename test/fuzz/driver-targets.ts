/** What drivers, pools and the worker's door read: frames and tables, letters and marks, URLs, and whole messages. */

import { redactUrl, parseBrokerUrl } from "../../src/app/connect.ts";
import { type Draft, packDraft, unpackDraft } from "../../src/app/draft.ts";
import { type Launch, packLaunch, unpackLaunch } from "../../src/app/launch.ts";
import { oneSentinelUrl } from "../../src/app/sentinel-url.ts";
import { SyntaxFault } from "../../src/driver/rabbitmq/amqp/byte-reader.ts";
import { ConnectionError } from "../../src/driver/rabbitmq/amqp/client.ts";
import { readTable, writeTable } from "../../src/driver/rabbitmq/amqp/field-table.ts";
import { FrameReader, writeBody, writeHeartbeat } from "../../src/driver/rabbitmq/amqp/frame.ts";
import { readEnvelope, readReason } from "../../src/driver/rabbitmq/amqp/method.ts";
import { readProperties, writeProperties } from "../../src/driver/rabbitmq/amqp/properties.ts";
import { readAttempts } from "../../src/driver/rabbitmq/attempts.ts";
import { readLocation as readRabbit } from "../../src/driver/rabbitmq/location.ts";
import { letterText, readLetter } from "../../src/driver/redis/letter.ts";
import { readLocation as readRedis } from "../../src/driver/redis/location.ts";
import { readStart } from "../../src/driver/redis/start-mark.ts";
import { readUnacked } from "../../src/driver/redis/unacked-entry.ts";
import { parseLocation as readSqlite } from "../../src/driver/sqlite/location.ts";
import { putAnswer, putStop, readCallFrame } from "../../src/pool/call-frame.ts";
import { FrameDraft, FrameReader as PoolFrames } from "../../src/pool/frame.ts";
import { putBegan, putProgress, putReply, readReplyFrame } from "../../src/pool/reply-frame.ts";
import type { Delivery } from "../../src/port/broker.ts";
import { TaskRegistry } from "../../src/task/registry.ts";
import { decodeEnvelope } from "../../src/wire/envelope.ts";
import { intake } from "../../src/worker/intake.ts";
import { envelopes } from "./samples.ts";
import { bytesOf, readerOf, refusing, type Target, textOf, writtenBy } from "./target.ts";

const table = {
  task: "t.add",
  limits: [300, null],
  stamps: { a: [1n << 60n, 1.5] },
  at: new Date(0),
  raw: Buffer.from("x"),
};

const draft = new FrameDraft();
putBegan(draft, [1, 2]);
putReply(draft, { slot: 1, k: "value", text: "[1,2]", ms: 5 });
putProgress(draft, [[1, 2, 3, "note"]]);
const replies = Buffer.concat(draft.take(Infinity));
putAnswer(draft, 1, true, { a: 1 }, undefined);
putStop(draft, 1000);
const calls = Buffer.concat(draft.take(Infinity));

const call = { task: "t.add", args: [1], kwargs: { when: new Date(0) } };
const sent: Draft = {
  ...call,
  id: "a",
  nonce: "n",
  window: 1000,
  queue: "celery",
  due: undefined,
  expires: 1_790_000_000_000,
  priority: 3,
  retries: 0,
  hard: undefined,
  soft: undefined,
  headers: { tenant: "ann" },
  ignoreResult: undefined,
  compression: false,
  callbacks: [],
  errbacks: [],
  root: "a",
  parent: undefined,
  stamps: undefined,
};
const launch: Launch = {
  signature: { ...call, options: { queue: "celery" }, subtask_type: null, immutable: false },
  named: false,
  nonce: "n",
  window: 1000,
  due: undefined,
  root: undefined,
  parent: undefined,
  stamps: undefined,
};

const rules = {
  registry: new TaskRegistry(),
  unknownTaskGrace: 600_000,
  maxMessageBytes: 1 << 20,
  resultTtl: 86_400_000,
  defaultQueue: "celery",
};
const delivery = (bytes: Uint8Array): Delivery => ({
  queue: "celery",
  message: decodeEnvelope(bytes),
  raw: bytes,
  redelivered: false,
  fence: 7,
  crashes: 0,
  suspicions: 0,
  claimedAt: 1_800_000_000_000,
  lost: new AbortController().signal,
});

export const driverTargets: readonly Target[] = [
  {
    name: "intake",
    samples: envelopes.map(bytesOf),
    feed(bytes) {
      intake(rules, delivery(bytes), 1_800_000_000_000, 0);
      intake({ ...rules, signing: { keys: new Map(), acceptUnsigned: new Set(["celery"]) } }, delivery(bytes), 0, 0);
    },
  },
  {
    name: "amqp-table",
    samples: [writtenBy((out) => writeTable(out, table))],
    feed: (bytes) => refusing(() => readTable(readerOf(bytes)), SyntaxFault),
  },
  {
    name: "amqp-properties",
    samples: [
      writtenBy((out) =>
        writeProperties(out, {
          contentType: "application/json",
          headers: table,
          priority: 3,
          correlationId: "c",
          messageId: "m",
        }),
      ),
    ],
    feed: (bytes) => refusing(() => readProperties(readerOf(bytes)), SyntaxFault),
  },
  {
    name: "amqp-methods",
    samples: [
      writtenBy((out) => {
        out.u16(406);
        out.shortString("PRECONDITION_FAILED", "reason");
      }),
      writtenBy((out) => {
        out.i64(7);
        out.u8(1);
        out.shortString("celery", "exchange");
        out.shortString("celery", "routing key");
      }),
    ],
    feed(bytes) {
      refusing(() => readReason(readerOf(bytes)), SyntaxFault);
      refusing(() => readEnvelope(readerOf(bytes)), SyntaxFault);
    },
  },
  {
    name: "pool-sends",
    samples: [packDraft(sent), packLaunch(launch)].map(bytesOf),
    feed(bytes) {
      refusing(() => unpackDraft(textOf(bytes)));
      refusing(() => unpackLaunch(textOf(bytes)));
    },
  },
  {
    name: "amqp-frames",
    samples: [
      Buffer.concat([
        Buffer.from("01000000000000ce", "hex"),
        writtenBy((out) => {
          writeHeartbeat(out);
          writeBody(out, 1, Buffer.alloc(100, "x"));
        }),
      ]),
    ],
    feed(bytes) {
      for (const size of [bytes.length, 7]) {
        const frames = new FrameReader((_type, _channel, of, from, end) => void of.subarray(from, end));
        frames.limit = 4096;
        refusing(() => {
          for (let at = 0; at < bytes.length; at += size) frames.feed(Buffer.from(bytes.subarray(at, at + size)));
        }, ConnectionError);
      }
    },
  },
  {
    name: "pool-frames",
    samples: [replies, calls],
    // A child that wrote anything else is ended, whatever the error is. What counts is that it ends, in bounded memory.
    feed(bytes) {
      for (const read of [readReplyFrame, readCallFrame])
        refusing(() => new PoolFrames((frame) => void read(frame)).push(Buffer.from(bytes)), Error);
    },
  },
  {
    name: "letters",
    samples: [
      letterText({
        key: "1",
        id: "a",
        task: "t",
        queue: "q",
        reason: "crashed",
        at: 1,
        detail: "d",
        raw: Buffer.from("{}"),
        attempts: [],
      }).join('{"attempt":1,"worker":"w","pid":1,"started":1,"ended":2,"exit":{"code":1,"signal":null},"error":"e"}'),
      '[{"attempt":1,"worker":"w","pid":1,"started":1,"ended":2,"stderrTail":""}]',
      '{"fence":1,"holder":"w","at":1}',
      "[1,2,3]",
    ].map(bytesOf),
    feed(bytes) {
      const text = textOf(bytes);
      readAttempts(text);
      readLetter(text);
      readStart(text);
      readUnacked(text);
    },
  },
  {
    name: "url",
    samples: [
      "redis://shop:canary@cache:6379/0?sep=:&prioritySteps=0,3,6",
      "rediss://:canary@cache/1?ssl_cert_reqs=none&ssl_ca_certs=/ca.pem",
      "sentinel://:canary@a:26379;sentinel://:canary@b:26379/0?master=m&sentinelPassword=canary",
      "amqps://shop:canary@mq/v%2Fhost?verify=false&heartbeat=5",
      "sqlite:celeriac.db?durability=process",
      "sqlite:///var/lib/celeriac.db",
      "memory:x",
    ].map(bytesOf),
    feed(bytes) {
      const text = textOf(bytes);
      redactUrl(text);
      oneSentinelUrl(text);
      refusing(() => {
        const url = parseBrokerUrl(text);
        const read = {
          "redis:": readRedis,
          "rediss:": readRedis,
          "sentinel:": readRedis,
          "amqp:": readRabbit,
          "amqps:": readRabbit,
          "sqlite:": readSqlite,
        }[url.protocol];
        read?.(url);
      });
    },
  },
];
