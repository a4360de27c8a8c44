/** Everything in `src/wire` that reads what a broker or a store holds. */

import { createSecretKey } from "node:crypto";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { readCallMark } from "../../src/wire/call-mark.ts";
import { decompress } from "../../src/wire/compression.ts";
import { openBody } from "../../src/wire/content.ts";
import { readControlReply } from "../../src/wire/control.ts";
import { readControlRequest } from "../../src/wire/control-request.ts";
import { decodeEnvelope, readMarks, spliceMarks } from "../../src/wire/envelope.ts";
import { readEvents } from "../../src/wire/event.ts";
import { readException } from "../../src/wire/exception.ts";
import { parseJson, resultLimits, stringifyJson } from "../../src/wire/json.ts";
import type { Message } from "../../src/wire/message.ts";
import { isHostileTaskName } from "../../src/wire/name.ts";
import { decodeTaskMeta } from "../../src/wire/outcome.ts";
import { argsRepr, valueRepr } from "../../src/wire/repr.ts";
import { readSignature } from "../../src/wire/signature.ts";
import { readSeal, signatureHeader, signMessage } from "../../src/wire/signing.ts";
import { decodeCall, splitTaskBody } from "../../src/wire/task-body.ts";
import { readTaskHeaders } from "../../src/wire/task-message.ts";
import { parseTimestamp } from "../../src/wire/timestamp.ts";
import { clean, cleanJson } from "../../src/wire/visible-text.ts";
import { bodies, controls, envelopes, events, fullMessage, metas } from "./samples.ts";
import { bytesOf, refusing, type Target, textOf } from "./target.ts";

const keyring = { use: "k", keys: new Map([["k", createSecretKey(Buffer.alloc(32, 7))]]) };
const purpose = { kind: "task", queue: "celery" } as const;
const most = 1 << 20;
const bare = (body: Uint8Array, headers: Record<string, unknown> = {}): Message => ({
  headers,
  properties: {},
  contentType: "application/json",
  contentEncoding: "utf-8",
  body,
});
const control = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

export const wireTargets: readonly Target[] = [
  {
    name: "envelope",
    samples: envelopes.map(bytesOf),
    feed(bytes) {
      const message = decodeEnvelope(bytes);
      spliceMarks(textOf(bytes), { crashes: 1, suspicions: 2, redelivered: true });
      if ("malformed" in message) return;
      readMarks(message);
      refusing(() => readTaskHeaders(message));
    },
  },
  {
    name: "task-body",
    samples: bodies,
    feed(bytes) {
      refusing(() => {
        const { call, embed } = splitTaskBody(bytes);
        stringifyJson(embed.callbacks);
        refusing(() => argsRepr(decodeCall(call).args));
      });
    },
  },
  {
    name: "headers",
    samples: [
      bytesOf(stringifyJson(fullMessage.headers)),
      bytesOf(stringifyJson({ "celeriac.call": { key: "k", queue: "q", hold: "end", life: 1000, by: "unique" } })),
    ],
    feed(bytes) {
      refusing(() => {
        const headers = parseJson(bytes);
        if (typeof headers !== "object" || headers === null || Array.isArray(headers)) return;
        const message = { ...bare(bytes), headers: Object.setPrototypeOf(headers, null) as Message["headers"] };
        isHostileTaskName(message.headers["task"]);
        readMarks(message);
        readCallMark(message.headers);
        readTaskHeaders(message);
      });
    },
  },
  {
    name: "json",
    samples: [...bodies, ...metas.map(bytesOf)],
    feed(bytes) {
      let value: unknown;
      try {
        value = parseJson(bytes, resultLimits);
      } catch (error) {
        return refusing(() => {
          throw error;
        });
      }
      // What was read can be written, but for Python's infinities, and is then read as the same.
      refusing(() => {
        const written = stringifyJson(value, { limits: { ...resultLimits, depth: resultLimits.depth + 1 } });
        if (stringifyJson(parseJson(written, resultLimits), { limits: resultLimits }) !== written)
          throw new Error(`is not the same when it is read again: ${written.slice(0, 200)}`);
      });
      valueRepr(value);
    },
  },
  {
    name: "outcome",
    samples: metas.map(bytesOf),
    feed: (bytes) => refusing(() => decodeTaskMeta(bytes)),
  },
  {
    name: "exception",
    samples: metas.map(bytesOf),
    feed: (bytes) =>
      refusing(() => {
        const value = parseJson(bytes, resultLimits);
        readException(value);
        readException((value as { readonly result?: unknown } | null)?.result);
      }),
  },
  {
    name: "control",
    samples: controls.map(bytesOf),
    feed(bytes) {
      readControlRequest(bare(bytes), "w1@host");
      readControlReply(bare(bytes, { ticket: "t" }), "t");
      const message = decodeEnvelope(bytes);
      if ("malformed" in message) return;
      readControlRequest(message, "w1@host");
      readControlReply(message, String(message.headers["ticket"]));
    },
  },
  {
    name: "event",
    samples: events.map(bytesOf),
    feed(bytes) {
      readEvents(bare(bytes));
      const message = decodeEnvelope(bytes);
      if (!("malformed" in message)) readEvents(message);
    },
  },
  {
    name: "signature",
    samples: bodies,
    feed: (bytes) =>
      refusing(() => {
        const value = parseJson(bytes);
        for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) refusing(() => readSignature(one));
      }),
  },
  {
    name: "seal",
    samples: [bytesOf(String(signMessage(fullMessage, purpose, keyring, 1_790_000_000_000).headers[signatureHeader]))],
    feed(bytes) {
      const text = textOf(bytes);
      const signed = signMessage(fullMessage, purpose, keyring, 1_790_000_000_000);
      const seal = readSeal({ ...signed, headers: { ...signed.headers, [signatureHeader]: text } }, purpose, keyring);
      if (seal.kind === "signed" && text !== signed.headers[signatureHeader]) throw new Error(`it takes ${text}`);
    },
  },
  {
    name: "compression",
    samples: bodies.flatMap((body) => [
      gzipSync(body),
      deflateSync(body),
      brotliCompressSync(body),
      zstdCompressSync(body),
    ]),
    feed(bytes) {
      for (const kind of ["application/x-gzip", "application/x-brotli", "application/zstd", "application/x-bz2"]) {
        refusing(() => {
          const { length } = decompress(kind, bytes, most);
          if (length > most) throw new Error(`${String(length)} bytes came out of ${String(bytes.length)}`);
        });
        refusing(() => openBody(bare(bytes), kind, most));
      }
    },
  },
  {
    name: "timestamp",
    samples: ["2030-01-02T03:04:05.678901+00:00", "2030-01-02T03:04:05Z", "2030-01-02 03:04:05"].map(bytesOf),
    feed(bytes) {
      const time = parseTimestamp(textOf(bytes));
      if (time !== undefined && !Number.isFinite(time)) throw new Error(`it is ${String(time)}`);
    },
  },
  {
    name: "terminal",
    samples: [...envelopes, "\u001b]52;c;AAAA\u0007"].map(bytesOf),
    feed(bytes) {
      for (const text of [clean(textOf(bytes)), cleanJson(JSON.stringify(textOf(bytes)))])
        if (control.test(text)) throw new Error(`it leaves ${JSON.stringify(control.exec(text)?.[0])}`);
    },
  },
];
