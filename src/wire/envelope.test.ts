import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  decodeEnvelope,
  decodeHead,
  encodeEnvelope,
  encodeHead,
  maxHeadLength,
  readMarks,
  spliceMarks,
} from "./envelope.ts";
import { type MemberSpan, membersOf } from "./json-scan.ts";
import type { Malformed, Message } from "./message.ts";

function good(message: Message | Malformed): Message {
  if ("malformed" in message) throw new Error(message.reason);
  return message;
}
const unicode = fc.string({ unit: "binary" });
const header = fc.oneof(
  unicode,
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt({ min: 2n ** 60n, max: 2n ** 90n }),
  fc.array(fc.integer()),
);
const message: fc.Arbitrary<Message> = fc.record({
  headers: fc
    .dictionary(
      unicode.filter((name) => !["__proto__", "constructor", "compression"].includes(name)),
      header,
      { maxKeys: 8 },
    )
    .map((headers) => Object.assign(Object.create(null) as Record<string, unknown>, headers)),
  properties: fc.record(
    { correlationId: unicode, replyTo: unicode, priority: fc.integer({ min: 0, max: 255 }), messageId: unicode },
    { requiredKeys: ["priority"] },
  ),
  contentType: fc.constantFrom("application/json", "application/x-python-serialize"),
  contentEncoding: fc.constantFrom("utf-8", "binary"),
  body: fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    unicode.map((text) => Buffer.from(text)),
  ),
});

describe("envelope", () => {
  test("what is written is read back", () => {
    fc.assert(
      fc.property(message, unicode, unicode, (sent, queue, tag) => {
        const raw = encodeEnvelope(sent, queue, tag);
        expect(good(decodeEnvelope(raw))).toEqual(sent);
        expect(good(decodeEnvelope(Buffer.from(raw)))).toEqual(sent);
        const envelope = JSON.parse(raw) as { properties: Record<string, unknown> };
        expect(envelope.properties).toMatchObject({
          delivery_tag: tag,
          delivery_info: { exchange: "", routing_key: queue },
        });
      }),
    );
  });

  test("head and body apart", () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(good(decodeHead(encodeHead(sent), sent.body))).toEqual(sent);
      }),
    );
  });

  const lean: Message = {
    headers: { task: "a.b", id: "1" },
    properties: { correlationId: "1" },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from('[[],{"a":"é"},{}]'),
  };

  test("lean: text bodies as text, all that kombu needs and no more", () => {
    expect(encodeEnvelope(lean, "mail", "t")).toBe(
      '{"body":"[[],{\\"a\\":\\"é\\"},{}]","content-encoding":"utf-8","content-type":"application/json","headers":{"task":"a.b","id":"1"},' +
        '"properties":{"correlation_id":"1","delivery_mode":2,"delivery_info":{"exchange":"","routing_key":"mail"},"priority":0,' +
        '"delivery_tag":"t"}}',
    );
    expect(encodeHead(lean)).toBe('{"headers":{"task":"a.b","id":"1"},"properties":{"correlation_id":"1"}}');
  });

  test("a text body names no encoding, of which kombu 5.2 knows base64 alone; binary and compressed bodies are base64", () => {
    const bodyEncoding = (changes: Partial<Message>): unknown =>
      (JSON.parse(encodeEnvelope({ ...lean, ...changes }, "q", "t")) as { properties: Record<string, unknown> })
        .properties["body_encoding"];
    expect(bodyEncoding({})).toBeUndefined();
    expect(bodyEncoding({ body: Uint8Array.of(255) })).toBe("base64");
    expect(bodyEncoding({ contentEncoding: "binary" })).toBe("base64");
    expect(bodyEncoding({ headers: { compression: "application/x-gzip" } })).toBe("base64");
  });

  test("a long body that is full of what would be escaped is base64, and one that is not stays text", () => {
    const isPacked = (body: string): boolean => {
      const raw = encodeEnvelope({ ...lean, body: Buffer.from(body) }, "q", "t");
      expect(Buffer.from(good(decodeEnvelope(raw)).body).toString()).toBe(body);
      return raw.includes('"body_encoding":"base64"');
    };
    const rows = JSON.stringify(Array.from({ length: 20 }, (_, order) => ({ order, to: "someone@example.org" })));
    expect(isPacked(rows)).toBe(true);
    expect(isPacked("line\n".repeat(200)), "also of control characters").toBe(true);
    expect(isPacked(rows.slice(0, 500)), "short").toBe(false);
    expect(isPacked(JSON.stringify([{ text: "x".repeat(5000) }]))).toBe(false);
  });

  test("headers inherit nothing", () => {
    const read = good(decodeEnvelope(encodeEnvelope(lean, "q", "t")));
    expect(Object.getPrototypeOf(read.headers)).toBeNull();
    expect(read.headers["constructor"]).toBeUndefined();
    expect(Object.getPrototypeOf(good(decodeHead(encodeHead(lean), lean.body)).headers)).toBeNull();
  });

  const envelope = {
    body: "[[],{},{}]",
    "content-type": "application/json",
    headers: { task: "a.b", id: "1" },
    properties: {},
  };
  test("what Celery can do without is not asked for", () => {
    const read = good(decodeEnvelope(JSON.stringify({ ...envelope, properties: undefined })));
    expect([read.contentEncoding, read.properties, Buffer.from(read.body).toString()]).toEqual([
      "utf-8",
      {},
      "[[],{},{}]",
    ]);
    const odd = { correlation_id: 5, reply_to: null, priority: "9", message_id: {} };
    expect(good(decodeEnvelope(JSON.stringify({ ...envelope, properties: odd }))).properties).toEqual({});
  });

  test.each<[string, string | Uint8Array]>([
    ["nothing", ""],
    ["not JSON", "hello"],
    ["a list", "[]"],
    ["a number", "5"],
    ["null", "null"],
    ["no body", JSON.stringify({ ...envelope, body: undefined })],
    ["a body that is no text", JSON.stringify({ ...envelope, body: { a: 1 } })],
    ["no headers", JSON.stringify({ ...envelope, headers: undefined })],
    ["headers null", JSON.stringify({ ...envelope, headers: null })],
    ["headers a list", JSON.stringify({ ...envelope, headers: [] })],
    ["headers a tagged value", JSON.stringify({ ...envelope, headers: { __type__: "date", __value__: "2030-01-02" } })],
    ["no content type", JSON.stringify({ ...envelope, "content-type": undefined })],
    ["an unknown body encoding", JSON.stringify({ ...envelope, properties: { body_encoding: "rot13" } })],
    ["invalid UTF-8", Buffer.from([0x7b, 0xff, 0x7d])],
    ["10 000 levels", `${"[".repeat(10_000)}${"]".repeat(10_000)}`],
    ["5 million brackets", "[".repeat(5_000_000)],
    ["5 million brackets in a header", `{"headers":{"x":${"[".repeat(5_000_000)}`],
    [
      "__proto__ in the headers",
      '{"body":"","content-type":"application/json","headers":{"__proto__":{"task":"a.b"}}}',
    ],
    ["__proto__ at the top", '{"__proto__":{"body":"x"},"content-type":"application/json","headers":{}}'],
    ["headers of a megabyte", JSON.stringify({ ...envelope, headers: { x: "x".repeat(1_000_000) } })],
    [
      "100 000 headers",
      JSON.stringify({
        ...envelope,
        headers: Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`h${n}`, 1])),
      }),
    ],
  ])("%s is a malformed message, not an exception", (_name, raw) => {
    const read = decodeEnvelope(raw);
    expect(read).toMatchObject({ malformed: true, code: "MESSAGE_UNDECODABLE", reason: expect.any(String) });
  });

  test("any bytes at all are read or malformed", () => {
    fc.assert(
      fc.property(fc.uint8Array(), unicode, (bytes, text) => {
        decodeEnvelope(bytes);
        decodeEnvelope(text);
        decodeHead(text, bytes);
        spliceMarks(text, { redelivered: true, crashes: 1, suspicions: 1 });
      }),
    );
  });

  test("a large body full of quotes does not count as headers", () => {
    const body = JSON.stringify(['"'.repeat(100_000)]);
    expect(good(decodeEnvelope(encodeEnvelope({ ...lean, body: Buffer.from(body) }, "q", "t"))).body.length).toBe(
      body.length,
    );
    expect(decodeHead(JSON.stringify({ headers: { x: "x".repeat(maxHeadLength) } }), lean.body)).toHaveProperty(
      "malformed",
    );
  });
});

describe("marks", () => {
  const count = fc.integer({ min: 0, max: 1000 });
  const marks = fc.record({ redelivered: fc.boolean(), crashes: count, suspicions: count });
  const key = fc.oneof(
    { arbitrary: fc.constantFrom("redelivered", "celeriac.crashes", "celeriac.suspicions", "task"), weight: 3 },
    { arbitrary: unicode.filter((name) => name !== "__proto__"), weight: 1 },
  );
  const spaces = fc.constantFrom("", " ", "\n");
  const strange = fc.constantFrom(
    '"redelivered"',
    '"}"',
    '"\\""',
    "9007199254740993",
    "1.0",
    "{}",
    '{"redelivered": 1}',
    "[true]",
    "null",
  );
  /** Objects as text, with duplicates, escapes, spaces and numbers that a rewrite would change. */
  const object = fc
    .tuple(
      fc.uniqueArray(fc.tuple(key, strange), { maxLength: 6, selector: ([name]) => name }),
      spaces,
      spaces,
      fc.boolean(),
    )
    .map(
      ([members, a, b, escape]) =>
        `{${a}${members
          .map(
            ([name, value]) =>
              `${escape && name === "redelivered" ? '"redeliver\\u0065d"' : JSON.stringify(name)}${a}:${b}${value}`,
          )
          .join(`${b},${a}`)}${b}}`,
    );

  function membersAt(raw: string, path: string): readonly MemberSpan[] {
    let members = membersOf(raw, 0)?.members ?? [];
    for (const step of path.split("."))
      members = membersOf(raw, members.findLast(({ key }) => key === step)?.value ?? -1)?.members ?? [];
    return members;
  }
  function marksOf(path: string): object {
    return path === "headers"
      ? { redelivered: 1, "celeriac.crashes": 1, "celeriac.suspicions": 1 }
      : { redelivered: 1 };
  }

  test("every other member stays as it was, to the byte", () => {
    fc.assert(
      fc.property(object, object, marks, spaces, (headers, info, wanted, a) => {
        const before = `{"body":"x",${a}"headers":${a}${headers}${a},"properties":{"delivery_info":${info},"n":1.0}}`;
        const after = spliceMarks(before, wanted);
        const names = ["redelivered", "celeriac.crashes", "celeriac.suspicions"];
        type Parsed = { headers: Record<string, unknown>; properties: { delivery_info: Record<string, unknown> } };
        const was = JSON.parse(before) as Parsed;
        const is = JSON.parse(after) as Parsed;
        for (const name of names) delete was.headers[name];
        delete was.properties.delivery_info["redelivered"];
        if (wanted.redelivered) was.headers["redelivered"] = was.properties.delivery_info["redelivered"] = true;
        if (wanted.crashes > 0) was.headers["celeriac.crashes"] = wanted.crashes;
        if (wanted.suspicions > 0) was.headers["celeriac.suspicions"] = wanted.suspicions;
        expect(is).toEqual(was);
        for (const path of ["headers", "properties.delivery_info"]) {
          const kept = (raw: string): string[] =>
            membersAt(raw, path).flatMap(({ key, from, to }) => (key in marksOf(path) ? [] : [raw.slice(from, to)]));
          expect(kept(after)).toEqual(kept(before));
          for (const name of names) {
            expect(membersAt(after, path).filter(({ key }) => key === name).length).toBeLessThanOrEqual(1);
          }
        }
        const none = { redelivered: false, crashes: 0, suspicions: 0 };
        expect(spliceMarks(after, none)).toBe(spliceMarks(before, none));
        expect(spliceMarks(after, wanted)).toBe(after);
      }),
      { numRuns: 1000 },
    );
  });

  test("a real envelope: only the marks differ", () => {
    const raw =
      '{"body": "W10=", "headers": {"task": "a", "big": 9007199254740993, "f": 1.0}, "properties": {"delivery_info": {"exchange": "", "routing_key": "q"}, "t": 1}}';
    const marked = spliceMarks(raw, { redelivered: true, crashes: 2, suspicions: 0 });
    expect(marked).toBe(
      '{"body": "W10=", "headers": {"task": "a", "big": 9007199254740993, "f": 1.0,"redelivered":true,"celeriac.crashes":2}, "properties": {"delivery_info": {"exchange": "", "routing_key": "q","redelivered":true}, "t": 1}}',
    );
    expect(spliceMarks(marked, { redelivered: false, crashes: 0, suspicions: 0 })).toBe(raw);
  });

  test.each([
    "",
    "hello",
    "[]",
    '{"headers":',
    '{"headers":5}',
    '{"headers":{"a"}}',
    "{}",
    '{"headers":{"a":1',
    '{"headers":{"a":}}',
  ])("what is no envelope comes back as it is: %s", (raw) => {
    expect(spliceMarks(raw, { redelivered: true, crashes: 1, suspicions: 1 })).toBe(raw);
  });

  test("of duplicates the last counts, as for readers", () => {
    const marked = spliceMarks('{"headers":{"a":1},"headers":{"b":2}}', {
      redelivered: true,
      crashes: 0,
      suspicions: 0,
    });
    expect(JSON.parse(marked)).toEqual({ headers: { b: 2, redelivered: true } });
  });

  test("are read from headers, and nonsense counts as none", () => {
    const read = (headers: Record<string, unknown>): unknown =>
      readMarks({ headers, properties: {}, contentType: "", contentEncoding: "", body: new Uint8Array() });
    expect(read({ redelivered: true, "celeriac.crashes": 2, "celeriac.suspicions": 3 })).toEqual({
      redelivered: true,
      crashes: 2,
      suspicions: 3,
    });
    expect(read({ redelivered: "yes", "celeriac.crashes": -1, "celeriac.suspicions": 1.5 })).toEqual({
      redelivered: false,
      crashes: 0,
      suspicions: 0,
    });
  });
});
