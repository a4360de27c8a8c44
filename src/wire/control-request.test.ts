/** Requests of Celery's own clients are read; a node is chosen as kombu chooses it; what is no request, or a trap, chooses nobody. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { controlNamespace, makeControlRequest, readControlReply } from "./control.ts";
import { makeControlReply, readControlRequest } from "./control-request.ts";
import { decodeEnvelope } from "./envelope.ts";
import type { Message } from "./message.ts";

const node = "w1@cap";
const messageOf = (body: unknown, headers: Readonly<Record<string, unknown>> = {}): Message => ({
  headers,
  properties: {},
  contentType: "application/json",
  contentEncoding: "utf-8",
  body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
});

describe.each(["5.2.6", "5.6.3"])("Celery %s", (version) => {
  const file = new URL(`./fixtures/celery-${version}-control.json`, import.meta.url);
  const { cases } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly cases: Readonly<Record<string, { readonly request: string }>>;
  };

  test.each(Object.entries(cases))("%s", (_name, { request }) => {
    const message = decodeEnvelope(request);
    if ("malformed" in message) throw new Error(message.reason);
    const body = JSON.parse(Buffer.from(message.body).toString()) as Record<string, unknown>;
    const read = readControlRequest(message, node);
    expect(read).toEqual({
      method: body["method"],
      arguments: body["arguments"],
      selective: body["destination"] !== null,
      answer: { ticket: body["ticket"], inbox: (body["reply_to"] as Record<string, unknown>)["routing_key"] },
      clock: message.headers["clock"],
    });
  });
});

test("our own, with an answer and without", () => {
  const asked = { method: "ping", arguments: { a: 1 }, destination: [node], ticket: "t", replyTo: "inbox" };
  expect(readControlRequest(makeControlRequest(asked), node)).toEqual({
    method: "ping",
    arguments: { a: 1 },
    selective: true,
    answer: { ticket: "t", inbox: "inbox" },
    clock: 1,
  });
  const told = makeControlRequest({ method: "revoke", arguments: {}, destination: undefined });
  expect(readControlRequest(told, node)).toMatchObject({ selective: false, answer: undefined });
  expect(controlNamespace).toBe("celery");
});

test.each([
  [{ destination: ["w1@cap"] }, true],
  [{ destination: ["w2@cap"] }, false],
  [{ destination: "w1@cap,w2@cap" }, true],
  [{ destination: { "w1@cap": 1 } }, false],
  [{ destination: [], pattern: "", matcher: "" }, true],
  [{ pattern: "w*", matcher: "glob" }, true],
  [{ pattern: "w?@cap", matcher: "glob" }, true],
  [{ pattern: "w[0-9]@cap", matcher: "glob" }, true],
  [{ pattern: "w[!1]@cap", matcher: "glob" }, false],
  [{ pattern: "w.@cap", matcher: "glob" }, false],
  [{ pattern: "*.cap", matcher: "glob" }, false],
  [{ pattern: "w[", matcher: "glob" }, false],
  [{ pattern: "w\\d@", matcher: "pcre" }, true],
  [{ pattern: "cap", matcher: "pcre" }, false],
  [{ pattern: "(w|x)1", matcher: "pcre" }, true],
  [{ pattern: "(", matcher: "pcre" }, false],
  [{ pattern: "w*", matcher: "eval" }, false],
  [{ pattern: 7, matcher: "glob" }, false],
  // A pattern without a matcher is none.
  [{ pattern: "x*" }, true],
])("%j chooses this node: %s", (whom, chosen) => {
  const read = readControlRequest(messageOf({ method: "ping", arguments: {}, ...whom }), node);
  expect(read !== undefined).toBe(chosen);
});

test.each([
  ["pcre", "(a+)+$"],
  ["pcre", "(?:a|aa)*b"],
  ["pcre", "a*a*a*a*a*b"],
  ["pcre", "(a)\\1"],
  ["glob", "*a*a*a*a*a*b"],
  ["glob", `${"*".repeat(150)}b`],
])("a pattern that would be tried for ever is given up: %s %s", (matcher, pattern) => {
  const started = process.cpuUsage();
  expect(readControlRequest(messageOf({ method: "ping", pattern, matcher }), "a".repeat(255))).toBeUndefined();
  // Microseconds; tried out it takes longer than anybody waits.
  expect(process.cpuUsage(started).user).toBeLessThan(2_000_000);
});

test.each(["", "[]", "null", "3", "{", '{"method":3}', '{"arguments":{}}', `{"method":"${"x".repeat(200)}"}`])(
  "%j is no request",
  (body) => {
    expect(readControlRequest(messageOf(body), node)).toBeUndefined();
  },
);

test("is not read in pickle, nor when it is too large", () => {
  const pickled = { ...messageOf({ method: "ping" }), contentType: "application/x-python-serialize" };
  expect(readControlRequest(pickled, node)).toBeUndefined();
  const large = messageOf({ method: "ping", arguments: { x: "x".repeat(5 * 1024 * 1024) } });
  expect(readControlRequest(large, node)).toBeUndefined();
});

test("an answer is one for who has the ticket", () => {
  const reply = makeControlReply(node, { ok: "pong" }, "ticket", 7);
  expect(reply.headers).toEqual({ ticket: "ticket", clock: 7 });
  expect(readControlReply(reply, "ticket")).toEqual(new Map([[node, { ok: "pong" }]]));
  expect(readControlReply(reply, "another")).toBeUndefined();
});
