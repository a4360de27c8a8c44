/** Everything here was on the wire between real Celery processes (5.2.6 and 5.6.3 on Redis); `fixtures/README.md` says how it was taken. */

import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { CeleriacError } from "../error/celeriac-error.ts";
import { openBody } from "./content.ts";
import { decodeEnvelope, encodeEnvelope, readMarks, spliceMarks } from "./envelope.ts";
import { readException } from "./exception.ts";
import { parseJson } from "./json.ts";
import type { Malformed, Message } from "./message.ts";
import { decodeTaskMeta, encodeTaskMeta } from "./outcome.ts";
import { Decimal, PlainDate, PlainTime, Uuid } from "./tagged.ts";
import { decodeCall, encodeTaskBody, splitTaskBody } from "./task-body.ts";
import { readTaskHeaders, retryMessage } from "./task-message.ts";

interface Producer {
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly call: string;
        readonly messages: readonly { readonly list: string; readonly raw: string; readonly body: string | null }[];
      }
    >
  >;
}
interface Texts {
  readonly cases: Readonly<Record<string, readonly string[]>>;
}
function fixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), "utf8"));
}
function read(raw: string): Message {
  const message: Message | Malformed = decodeEnvelope(raw);
  if ("malformed" in message) throw new Error(message.reason);
  return message;
}
function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof CeleriacError ? error.code : String(error);
  }
  return "none";
}

/** What cannot be run, and why. Everything else must be. */
const refused: Readonly<Record<string, string>> = {
  compression_bzip2: "CONTENT_REFUSED",
  compression_lzma: "CONTENT_REFUSED",
  protocol_1: "CONTENT_REFUSED",
  serializer_msgpack: "CONTENT_REFUSED",
  serializer_pickle: "CONTENT_REFUSED",
  serializer_yaml: "CONTENT_REFUSED",
};

describe.each(["5.2.6", "5.6.3"])("Celery %s", (version) => {
  const producer = fixture(`celery-${version}-producer`) as Producer;
  const again = fixture(`celery-${version}-again`) as Texts;
  const metas = fixture(`celery-${version}-task-meta`) as Texts;
  const message = (name: string, index = 0): Message => {
    const found = producer.cases[name]?.messages[index];
    if (found === undefined) throw new Error(`no capture ${name}`);
    return read(found.raw);
  };
  const call = (name: string): ReturnType<typeof decodeCall> => {
    const sent = message(name);
    return decodeCall(splitTaskBody(openBody(sent, readTaskHeaders(sent).compression, 1e6)).call);
  };

  const names = Object.keys(producer.cases);
  test.each(names.filter((name) => name in refused))("refused safely: %s", (name) => {
    for (const { raw } of producer.cases[name]?.messages ?? []) {
      const sent = read(raw);
      expect(codeOf(() => openBody(sent, readTaskHeaders(sent).compression, 1e6))).toBe(refused[name]);
      expect(read(encodeEnvelope(sent, "celery", "tag"))).toEqual(sent);
    }
  });

  test.each(names.filter((name) => !(name in refused)))("producer: %s", (name) => {
    for (const { raw, body } of producer.cases[name]?.messages ?? []) {
      const sent = read(raw);
      const envelope = JSON.parse(raw) as { headers: Record<string, unknown>; properties: Record<string, unknown> };
      expect({ ...sent.headers }).toEqual(envelope.headers);
      expect(sent.properties.correlationId).toBe(envelope.properties["correlation_id"]);
      expect(sent.properties.priority).toBe(envelope.properties["priority"]);
      const headers = readTaskHeaders(sent);
      const bytes = openBody(sent, headers.compression, 1e6);
      expect(Buffer.from(bytes).toString()).toBe(body);
      const whole = parseJson(bytes) as [unknown[], Record<string, unknown>, Record<string, unknown>];
      const { call, embed } = splitTaskBody(bytes);
      expect(bytes.subarray(0, call.length - 1)).toEqual(call.subarray(0, -1));
      expect(decodeCall(call)).toEqual({ args: whole[0], kwargs: whole[1] });
      expect(JSON.parse(JSON.stringify(embed))).toEqual(whole[2]);

      const once = read(encodeEnvelope(sent, "celery", "tag"));
      expect(once).toEqual(sent);
      expect(readTaskHeaders(once)).toEqual(headers);
    }
  });

  // Infinity is read and never written.
  test.each(names.filter((name) => !(name in refused) && name !== "numbers"))("body written again: %s", (name) => {
    for (const { body } of producer.cases[name]?.messages ?? []) {
      const { call, embed } = splitTaskBody(Buffer.from(body ?? ""));
      const { args, kwargs } = decodeCall(call);
      const again = splitTaskBody(encodeTaskBody(args, kwargs, embed));
      expect(decodeCall(again.call)).toEqual({ args, kwargs });
      expect(again.embed).toEqual(embed);
    }
  });

  test("headers of a plain call", () => {
    const sent = message("simple");
    const headers = readTaskHeaders(sent);
    expect(headers).toMatchObject({
      task: "tasks.add",
      id: sent.properties.correlationId,
      rootId: sent.properties.correlationId,
      parentId: undefined,
      group: undefined,
      groupIndex: undefined,
      retries: 0,
      eta: undefined,
      expires: undefined,
      timeLimit: { hard: undefined, soft: undefined },
      ignoreResult: false,
      stampedHeaders: [],
      custom: {},
    });
    expect(call("simple")).toEqual({ args: [2, 2], kwargs: {} });
  });

  test("options reach the headers", () => {
    expect(readTaskHeaders(message("timelimits")).timeLimit).toEqual({ hard: 30_000, soft: 10_000 });
    expect(readTaskHeaders(message("eta_naive")).eta).toBe(Date.UTC(2030, 0, 2, 3, 4, 5));
    expect(readTaskHeaders(message("eta_offset")).eta).toBe(Date.UTC(2030, 0, 1, 21, 34, 5));
    expect(readTaskHeaders(message("eta_aware_utc")).eta).toBe(Date.UTC(2030, 0, 2, 3, 4, 5, 678));
    const both = readTaskHeaders(message("countdown_expires"));
    expect((both.expires ?? 0) - (both.eta ?? 0)).toBe(50_000);
    expect({ ...readTaskHeaders(message("custom_headers")).custom }).toEqual({ "x-trace": "abc", n: 1 });
    expect(readTaskHeaders(message("ignore_result")).ignoreResult).toBe(true);
    expect(readTaskHeaders(message("shadow")).shadow).toBeTypeOf("string");
    expect(message("priority_9").properties.priority).toBe(9);
    expect(readTaskHeaders(message("chord_simple", 1))).toMatchObject({ group: expect.any(String), groupIndex: 1 });
  });

  test("hard values keep their meaning", () => {
    expect(call("numbers").args).toEqual([9007199254740993n, -1, 1e300, 0.1, Infinity]);
    expect(call("kwargs_unicode")).toEqual({
      args: [1, "héllo ☃ 😀", null, true, 1.5, [1, { a: null }]],
      kwargs: { key: "välue" },
    });
    expect(call("compression_zlib")).toEqual({ args: [2, 2], kwargs: {} });
    expect(JSON.stringify(call("argsrepr_long").args).length).toBeGreaterThan(1000);
  });

  test("what is launched after the call", () => {
    const chain = splitTaskBody(message("chain_3").body).embed.chain;
    expect(chain?.map((step) => step.task)).toEqual(["tasks.identity", "tasks.mul"]);
    expect(splitTaskBody(message("link").body).embed.callbacks).toEqual([
      { task: "tasks.mul", args: [3], kwargs: {}, options: {}, subtask_type: null, immutable: false },
    ]);
    expect(splitTaskBody(message("link_list").body).embed.callbacks?.length).toBe(2);
    expect(splitTaskBody(message("link_error").body).embed.errbacks?.[0]?.task).toBeTypeOf("string");
    expect(splitTaskBody(message("chord_simple").body).embed.chord?.task).toBe("tasks.tsum");
  });

  test("delivered again: marks and retries are read", () => {
    const restored = (again.cases["warm_shutdown_with_prefetched"] ?? []).map(read);
    expect(restored.map(readMarks)).toEqual(restored.map(() => ({ redelivered: true, crashes: 0, suspicions: 0 })));
    const [first, second] = (again.cases["task_retry_success"] ?? []).map((raw) => readTaskHeaders(read(raw)));
    expect([first?.retries, second?.retries]).toEqual([1, 2]);
    expect(second?.id).toBe(first?.id);
    expect(first?.parentId).toBe(first?.id);
    expect(first?.eta).toBeTypeOf("number");
  });

  test("marks are taken off and put on as Python does it", () => {
    for (const raw of again.cases["warm_shutdown_with_prefetched"] ?? []) {
      const clean = spliceMarks(raw, { redelivered: false, crashes: 0, suspicions: 0 });
      expect(clean).toBe(raw.replaceAll(', "redelivered": true', ""));
      expect(JSON.parse(spliceMarks(clean, { redelivered: true, crashes: 0, suspicions: 0 }))).toEqual(JSON.parse(raw));
    }
  });

  test("a retry is written as Python writes it", () => {
    const [first, second] = (again.cases["task_retry_success"] ?? []).map(read);
    if (first === undefined || second === undefined) throw new Error("no capture");
    const { eta, id } = readTaskHeaders(second);
    const made = retryMessage(first, { retries: 2, eta, parentId: id });
    expect({ ...made.headers, eta: "" }).toEqual({ ...second.headers, eta: "" });
    expect(readTaskHeaders(made)).toEqual(readTaskHeaders(second));
    expect(made.body).toBe(first.body);
  });

  test.each(Object.keys(metas.cases))("task meta: %s", (name) => {
    for (const raw of metas.cases[name] ?? []) {
      const stored = JSON.parse(raw) as Record<string, unknown>;
      const meta = decodeTaskMeta(Buffer.from(raw));
      expect(meta).toMatchObject({ id: stored["task_id"], status: stored["status"], traceback: stored["traceback"] });
      expect(meta.result).toEqual(parseJson(JSON.stringify(stored["result"])));
      expect(meta.children).toEqual(stored["children"]);
      expect((meta.dateDone ?? 0) > 1.7e12).toBe(["SUCCESS", "FAILURE", "REVOKED"].includes(meta.status));
      const { id, status, traceback, children, dateDone, group, parent } = meta;
      const draft = { id, status, traceback, children, dateDone, group, parent };
      const rewritten = encodeTaskMeta({ ...draft, result: { value: meta.result } });
      expect(decodeTaskMeta(rewritten)).toEqual({ ...meta, extended: Object.create(null) });
      expect(Object.keys(JSON.parse(Buffer.from(rewritten).toString()) as object)).toEqual(
        Object.keys(stored).filter((key) => !(key in meta.extended)),
      );
    }
  });

  test("stored errors are read as data", () => {
    const failure = (name: string): ReturnType<typeof readException> =>
      readException(decodeTaskMeta(Buffer.from(metas.cases[name]?.at(-1) ?? "")).result);
    expect(failure("task_failure_custom_exc")).toMatchObject({ type: "CustomError", module: "capapp", args: [1, "x"] });
    expect(failure("task_hard_time_limit")).toMatchObject({ type: "TimeLimitExceeded", args: [1] });
    expect(failure("task_unknown")).toMatchObject({ type: "NotRegistered", module: "celery.exceptions" });
    expect(failure("task_expired")).toMatchObject({ type: "TaskRevokedError", message: "expired" });
  });
});

test("5.6.3 tags what 5.2.6 flattens to text", () => {
  const args = (version: string, name: string): unknown[] => {
    const cases = (fixture(`celery-${version}-producer`) as Producer).cases;
    return decodeCall(splitTaskBody(read(cases[name]?.messages[0]?.raw ?? "").body).call).args;
  };
  expect(args("5.6.3", "json_types")).toEqual([
    new Date("2030-01-02T03:04:05.678Z"),
    new PlainDate("2030-01-02"),
    new PlainTime("03:04:05.678901"),
    new Decimal("1.10"),
    new Uuid("12345678-1234-5678-1234-567812345678"),
  ]);
  expect(args("5.6.3", "json_types_bytes")).toEqual([new Uint8Array([97, 98, 99]), new Uint8Array([255, 0])]);
  expect(args("5.2.6", "json_types")).toEqual([
    "2030-01-02T03:04:05.678901Z",
    "2030-01-02T00:00:00",
    "03:04:05.678901",
    "1.10",
    "12345678-1234-5678-1234-567812345678",
  ]);
});

test("5.6.3 stamps and extended results", () => {
  const { cases } = fixture("celery-5.6.3-producer") as Producer;
  const headers = readTaskHeaders(read(cases["stamped_chain"]?.messages[0]?.raw ?? ""));
  expect([headers.stampedHeaders, { ...headers.stamps }]).toEqual([["tenant"], { tenant: "t1" }]);
  const metas = fixture("celery-5.6.3-task-meta") as Texts;
  const extended = decodeTaskMeta(Buffer.from(metas.cases["result_extended"]?.[1] ?? "")).extended;
  expect(extended).toMatchObject({ name: "tasks.nop", args: [1], kwargs: { k: "v" }, queue: "celery" });
  const replaced = (fixture("celery-5.6.3-again") as Texts).cases["task_replace"]?.[0] ?? "";
  expect(readTaskHeaders(read(replaced)).replacedTaskNesting).toBe(1);
});
