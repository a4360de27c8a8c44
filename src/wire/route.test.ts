import { expect, test } from "vitest";
import { encodeEnvelope } from "./envelope.ts";
import { spliceRoute } from "./route.ts";

test("a message says its new queue, and every other byte stays", () => {
  const python =
    '{"body": "W10=", "headers": {"id": "x", "n": 12345678901234567890, "delivery_info": {"routing_key": "mine"}}, ' +
    '"properties": {"delivery_info": {"exchange": "celery", "routing_key": "old", "redelivered": true}, "delivery_tag": "t"}}';
  expect(spliceRoute(python, "new")).toBe(
    python.replace(
      '{"exchange": "celery", "routing_key": "old", "redelivered": true}',
      '{"redelivered": true,"exchange":"","routing_key":"new"}',
    ),
  );
  const message = { headers: { id: "x" }, properties: {}, contentType: "application/json", contentEncoding: "utf-8" };
  const ours = encodeEnvelope({ ...message, body: Buffer.from("[]") }, "old", "t");
  expect(spliceRoute(ours, "new")).toBe(encodeEnvelope({ ...message, body: Buffer.from("[]") }, "new", "t"));
});

test("what is no envelope, or says no way, is left alone", () => {
  for (const text of ["", "[1]", "{", '{"properties":{}}', '{"properties":{"delivery_info":"celery"}}'])
    expect(spliceRoute(text, "new")).toBe(text);
});
