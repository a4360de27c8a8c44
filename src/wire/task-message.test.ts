import { describe, expect, test } from "vitest";

import { CeleriacError } from "../error/celeriac-error.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import type { Message } from "./message.ts";
import { decodeCall, noEmbed, splitTaskBody } from "./task-body.ts";
import { makeTaskMessage, readTaskHeaders, retryMessage, type TaskDraft } from "./task-message.ts";

const draft: TaskDraft = { task: "orders.send", id: "id-1", args: [7], kwargs: { to: "x" } };
const at = Date.UTC(2030, 0, 2, 3, 4, 5, 678);
const everything: TaskDraft = {
  ...draft,
  shadow: "Send",
  eta: at,
  expires: at + 1000,
  retries: 2,
  timeLimit: { hard: 30_000, soft: 1500 },
  rootId: "root",
  parentId: "parent",
  group: "group",
  groupIndex: 0,
  priority: 3,
  replyTo: "reply",
  ignoreResult: true,
  origin: "gen1@host",
  replacedTaskNesting: 1,
  headers: { trace: "abc", big: 2n ** 60n },
  stamps: { tenant: "t1" },
};

function failure(run: () => unknown): CeleriacError {
  try {
    run();
  } catch (error) {
    if (error instanceof CeleriacError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
function sent(message: Message): Message {
  const read = decodeEnvelope(encodeEnvelope(message, "celery", "tag"));
  if ("malformed" in read) throw new Error(read.reason);
  return read;
}
function withHeaders(headers: Record<string, unknown>): Message {
  return { ...makeTaskMessage(draft), headers: { ...makeTaskMessage(draft).headers, ...headers } };
}

describe("making", () => {
  test("lean: nothing but what differs from Celery's defaults", () => {
    const message = makeTaskMessage(draft);
    expect({ ...message.headers }).toEqual({ task: "orders.send", id: "id-1" });
    expect(Object.getPrototypeOf(message.headers)).toBeNull();
    expect(message.properties).toEqual({ correlationId: "id-1" });
    expect(Buffer.from(message.body).toString()).toBe('[[7],{"to":"x"},{}]');
    expect([message.contentType, message.contentEncoding]).toEqual(["application/json", "utf-8"]);
  });

  test("everything that was said is read on the other side", () => {
    for (const full of [false, true]) {
      const read = sent(makeTaskMessage({ ...everything, full }));
      expect(readTaskHeaders(read)).toMatchObject({
        task: "orders.send",
        id: "id-1",
        shadow: "Send",
        eta: at,
        expires: at + 1000,
        retries: 2,
        timeLimit: { hard: 30_000, soft: 1500 },
        rootId: "root",
        parentId: "parent",
        group: "group",
        groupIndex: 0,
        ignoreResult: true,
        origin: "gen1@host",
        replacedTaskNesting: 1,
        stampedHeaders: ["tenant"],
        stamps: { tenant: "t1" },
        compression: undefined,
        custom: { trace: "abc", big: 2n ** 60n },
      });
      expect(read.properties).toEqual({ correlationId: "id-1", replyTo: "reply", priority: 3 });
    }
  });

  test("times have six fraction digits and an offset; limits are seconds, hard first", () => {
    expect({ ...makeTaskMessage(everything).headers }).toMatchObject({
      eta: "2030-01-02T03:04:05.678000+00:00",
      timelimit: [30, 1.5],
    });
    expect(makeTaskMessage({ ...draft, timeLimit: { soft: 1000 } }).headers["timelimit"]).toEqual([null, 1]);
  });

  test("full: every header that Celery writes, in its order", () => {
    const headers = makeTaskMessage({ ...draft, full: true }).headers;
    expect(Object.keys(headers)).toEqual([
      "lang",
      "task",
      "id",
      "shadow",
      "eta",
      "expires",
      "group",
      "group_index",
      "retries",
      "timelimit",
      "root_id",
      "parent_id",
      "argsrepr",
      "kwargsrepr",
      "origin",
      "ignore_result",
      "replaced_task_nesting",
      "stamped_headers",
      "stamps",
    ]);
    expect(headers).toMatchObject({
      argsrepr: "(7,)",
      kwargsrepr: "{'to': 'x'}",
      root_id: "id-1",
      timelimit: [null, null],
    });
  });

  test.each(["task", "id", "retries", "redelivered", "stamps", "celeriac.crashes"])(
    "a custom header cannot be called %s",
    (name) => {
      expect(failure(() => makeTaskMessage({ ...draft, headers: { [name]: 1 } })).code).toBe("NAME_INVALID");
    },
  );

  test("custom headers that could not be delivered are refused here", () => {
    expect(failure(() => makeTaskMessage({ ...draft, headers: { f: () => 1 } })).message).toContain("headers.f");
    expect(failure(() => makeTaskMessage({ ...draft, headers: { x: "x".repeat(30_000) } })).code).toBe(
      "MESSAGE_TOO_LARGE",
    );
    expect(
      failure(() => makeTaskMessage({ ...draft, headers: JSON.parse('{"__proto__":1}') as Record<string, unknown> }))
        .code,
    ).toBe("NAME_INVALID");
    const largest = sent(makeTaskMessage({ ...everything, full: true, headers: { x: "x".repeat(24_000) } }));
    expect(readTaskHeaders(largest).id).toBe("id-1");
  });

  test("names and ids are checked", () => {
    expect(failure(() => makeTaskMessage({ ...draft, task: "../x" })).code).toBe("NAME_INVALID");
    expect(failure(() => makeTaskMessage({ ...draft, id: "" })).code).toBe("NAME_INVALID");
    expect(failure(() => makeTaskMessage({ ...draft, id: "a\nb" })).code).toBe("NAME_INVALID");
    expect(failure(() => makeTaskMessage({ ...draft, id: "\ud800" })).code).toBe("NAME_INVALID");
  });

  test("the embed travels with it", () => {
    const step = { task: "a.b", args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
    const message = makeTaskMessage({ ...draft, embed: { ...noEmbed, callbacks: [step] } });
    const { call, embed } = splitTaskBody(message.body);
    expect(embed).toEqual({ ...noEmbed, callbacks: [step] });
    expect(decodeCall(call)).toEqual({ args: [7], kwargs: { to: "x" } });
  });
});

describe("reading", () => {
  test("nothing but task and id is needed", () => {
    expect(readTaskHeaders(makeTaskMessage(draft))).toEqual({
      task: "orders.send",
      id: "id-1",
      shadow: undefined,
      eta: undefined,
      expires: undefined,
      group: undefined,
      groupIndex: undefined,
      retries: 0,
      timeLimit: { hard: undefined, soft: undefined },
      rootId: "id-1",
      parentId: undefined,
      ignoreResult: undefined,
      origin: undefined,
      replacedTaskNesting: 0,
      stampedHeaders: [],
      stamps: {},
      compression: undefined,
      custom: {},
    });
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["no task", { task: undefined }, "MESSAGE_UNDECODABLE"],
    ["task null", { task: null }, "MESSAGE_UNDECODABLE"],
    ["task a number", { task: 5 }, "NAME_INVALID"],
    ["task constructor", { task: "constructor" }, "NAME_INVALID"],
    ["task __proto__", { task: "__proto__" }, "NAME_INVALID"],
    ["task a path", { task: "../../x" }, "NAME_INVALID"],
    ["task a URL", { task: "data:text/javascript,1" }, "NAME_INVALID"],
    ["a task's name of a megabyte", { task: "a".repeat(1_000_000) }, "NAME_INVALID"],
    ["no id", { id: undefined }, "MESSAGE_UNDECODABLE"],
    ["id empty", { id: "" }, "MESSAGE_UNDECODABLE"],
    ["id a number", { id: 5 }, "MESSAGE_UNDECODABLE"],
    ["id with kombu's separator", { id: "a\u0006\u00163" }, "MESSAGE_UNDECODABLE"],
    ["id too long", { id: "a".repeat(513) }, "MESSAGE_UNDECODABLE"],
    ["eta no time", { eta: "not-a-date" }, "MESSAGE_UNDECODABLE"],
    ["eta a number", { eta: 1700000000 }, "MESSAGE_UNDECODABLE"],
    ["expires a number", { expires: 1700000000 }, "MESSAGE_UNDECODABLE"],
    ["retries negative", { retries: -1 }, "MESSAGE_UNDECODABLE"],
    ["retries text", { retries: "1" }, "MESSAGE_UNDECODABLE"],
    ["retries endless", { retries: 2n ** 64n }, "MESSAGE_UNDECODABLE"],
    ["timelimit a number", { timelimit: 5 }, "MESSAGE_UNDECODABLE"],
  ])("%s is refused", (_name, headers, code) => {
    expect(failure(() => readTaskHeaders(withHeaders(headers))).code).toBe(code);
  });

  test("oddities that Celery takes are taken", () => {
    const read = readTaskHeaders(
      withHeaders({
        eta: new Date(at),
        retries: null,
        timelimit: [0, null],
        group: "",
        group_index: null,
        stamped_headers: ["a", 5],
        stamps: [],
        ignore_result: "yes",
        redelivered: true,
        "celeriac.crashes": 1,
      }),
    );
    expect(read).toMatchObject({
      eta: at,
      retries: 0,
      timeLimit: { hard: undefined, soft: undefined },
      group: undefined,
    });
    expect(read).toMatchObject({
      groupIndex: undefined,
      stampedHeaders: ["a"],
      stamps: {},
      ignoreResult: undefined,
      custom: {},
    });
    expect(readTaskHeaders(withHeaders({ timelimit: [0.5] })).timeLimit).toEqual({ hard: 500, soft: undefined });
  });

  test("protocol 1 is known by its body", () => {
    const message: Message = {
      ...makeTaskMessage(draft),
      headers: {},
      body: Buffer.from(' {"task": "a.b", "id": "1"}'),
    };
    expect(failure(() => readTaskHeaders(message))).toMatchObject({
      code: "CONTENT_REFUSED",
      details: { protocol: 1 },
    });
  });
});

describe("trying again", () => {
  const first: Message = {
    ...makeTaskMessage({ ...everything, stamps: undefined }),
    properties: { correlationId: "id-1", priority: 3, messageId: "nonce" },
  };

  test("same bytes, same headers but for what changed", () => {
    const marked = { ...first, headers: { ...first.headers, redelivered: true, "celeriac.crashes": 1 } };
    const again = retryMessage(marked, { retries: 3, eta: at + 5000, parentId: "id-1" });
    expect(again.body).toBe(first.body);
    expect(again.properties).toEqual({ correlationId: "id-1", priority: 3 });
    expect({ ...again.headers }).toEqual({
      ...first.headers,
      retries: 3,
      eta: "2030-01-02T03:04:10.678000+00:00",
      parent_id: "id-1",
      "celeriac.crashes": 1,
    });
    expect(Object.getPrototypeOf(again.headers)).toBeNull();
    expect(first.headers["retries"]).toBe(2);
  });

  test("at once, and with the parent it has", () => {
    const again = retryMessage(first, { retries: 3, eta: undefined, parentId: undefined });
    expect(readTaskHeaders(again)).toMatchObject({ retries: 3, eta: undefined, parentId: "parent" });
  });
});
