/** What drivers, pools and the worker's door read: frames and tables, letters and marks, URLs, and whole messages. */

import { redactUrl, parseBrokerUrl } from "../../src/app/connect.ts";
import { oneSentinelUrl } from "../../src/app/sentinel-url.ts";
import { ByteReader, SyntaxFault } from "../../src/driver/rabbitmq/amqp/byte-reader.ts";
import { ByteWriter } from "../../src/driver/rabbitmq/amqp/byte-writer.ts";
import { ConnectionError } from "../../src/driver/rabbitmq/amqp/client.ts";
import { readTable, writeTable } from "../../src/driver/rabbitmq/amqp/field-table.ts";
import { FrameReader, writeBody, writeHeartbeat } from "../../src/driver/rabbitmq/amqp/frame.ts";
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
import { bytesOf, refusing, type Target, textOf } from "./target.ts";

const written = (write: (out: ByteWriter) => void): Buffer => {
  const out = new ByteWriter();
  write(out);
  return Buffer.concat(out.take());
};
const reader = (bytes: Uint8Array): ByteReader => new ByteReader().use(Buffer.from(bytes), 0, bytes.length);
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
    samples: [written((out) => writeTable(out, table))],
    feed: (bytes) => refusing(() => readTable(reader(bytes)), SyntaxFault),
  },
  {
    name: "amqp-properties",
    samples: [
      written((out) =>
        writeProperties(out, {
          contentType: "application/json",
          headers: table,
          priority: 3,
          correlationId: "c",
          messageId: "m",
        }),
      ),
    ],
    feed: (bytes) => refusing(() => readProperties(reader(bytes)), SyntaxFault),
  },
  {
    name: "amqp-frames",
    samples: [
      Buffer.concat([
        Buffer.from("01000000000000ce", "hex"),
        written((out) => {
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
