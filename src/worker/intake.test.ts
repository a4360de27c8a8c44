import { describe, expect, it } from "vitest";
import type { Delivery } from "../port/broker.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { TaskRegistry } from "../task/registry.ts";
import type { Malformed, Message } from "../wire/message.ts";
import { decodeTaskMeta } from "../wire/outcome.ts";
import { makeTaskMessage, retryMessage, type TaskDraft } from "../wire/task-message.ts";
import { markWaited } from "../wire/waited.ts";
import { intake } from "./intake.ts";
import type { IntakeRules } from "./unrun.ts";

const now = 1_800_000_000_000;
const rules = (registry: TaskRegistry): IntakeRules => ({
  registry,
  unknownTaskGrace: 600_000,
  maxMessageBytes: 1 << 20,
  resultTtl: 86_400_000,
  defaultQueue: "celery",
});

function definition(more: Partial<TaskDefinition> = {}): TaskDefinition {
  return {
    name: "t.known",
    handler: () => 1,
    input: undefined,
    positional: undefined,
    queue: "celery",
    priority: undefined,
    retry: undefined,
    timeLimit: undefined,
    softTimeLimit: undefined,
    expires: undefined,
    ack: "late",
    crashes: 3,
    onCrash: "retry",
    ignoreResult: false,
    trackStarted: false,
    errorClasses: [],
    ...more,
  };
}

function registry(...definitions: TaskDefinition[]): TaskRegistry {
  const tasks = new TaskRegistry();
  for (const one of definitions) tasks.add(one);
  return tasks;
}

function message(draft: Partial<TaskDraft> = {}): Message {
  return makeTaskMessage({ task: "t.known", id: "id-1", args: [], kwargs: {}, ...draft });
}

function delivery(content: Message | Malformed, more: Partial<Delivery> = {}): Delivery {
  return {
    queue: "celery",
    message: content,
    raw: new TextEncoder().encode("{}"),
    redelivered: false,
    fence: 7,
    crashes: 0,
    suspicions: 0,
    claimedAt: now,
    lost: new AbortController().signal,
    ...more,
  };
}

const look = (one: Delivery, tasks = registry(definition()), at = now): ReturnType<typeof intake> =>
  intake(rules(tasks), one, at, 0);

describe("intake", () => {
  it("runs a known task", () => {
    expect(look(delivery(message()))).toMatchObject({ kind: "run", execution: { isolated: false } });
  });

  it("runs a suspect alone", () => {
    expect(look(delivery(message(), { suspicions: 1 }))).toMatchObject({ kind: "run", execution: { isolated: true } });
  });

  it("buries what cannot be parsed, with its bytes", () => {
    const verdict = look(delivery({ malformed: true, reason: "no JSON", code: "MESSAGE_UNDECODABLE" }));
    expect(verdict).toMatchObject({
      kind: "dead",
      reason: "undecodable",
      settlement: { then: { kind: "bury", letter: { detail: "no JSON" } } },
    });
  });

  it.each(["__proto__", "constructor", "../../x", "file:///etc/passwd", "a\u0000b", "x".repeat(300)])(
    "buries the hostile name %j at once",
    (task) => {
      const hostile = { ...message(), headers: { ...message().headers, task } };
      expect(look(delivery(hostile))).toMatchObject({ kind: "dead", reason: "unknown-task" });
    },
  );

  it.each(["application/x-python-serialize", "application/x-yaml", "text/html"])("refuses %s", (contentType) => {
    expect(look(delivery({ ...message(), contentType }))).toMatchObject({ kind: "dead", reason: "refused-content" });
  });

  it("buries what names no task: of Celery's first protocol as refused, all else as undecodable", () => {
    const nameless = (body: string): ReturnType<typeof intake> =>
      look(delivery({ ...message(), headers: {}, body: new TextEncoder().encode(body) }));
    expect(nameless('{"task":"t.known","id":"id-1","args":[],"kwargs":{}}')).toMatchObject({
      kind: "dead",
      reason: "refused-content",
      settlement: { then: { letter: { detail: expect.stringContaining("task_protocol = 2") as string } } },
    });
    expect(nameless("[[],{},{}]")).toMatchObject({ kind: "dead", reason: "undecodable" });
  });

  it("puts an unknown task back with growing delay, and buries it after the grace", () => {
    const waits: number[] = [];
    let at = now;
    const first = message({ task: "t.unknown" });
    let current = first;
    let verdict = look(delivery(current), registry(definition()), at);
    expect(verdict).toMatchObject({ kind: "parked", notice: expect.stringContaining("t.unknown") });
    while (verdict.kind === "parked" && verdict.settlement.then.kind === "replace") {
      const { next } = verdict.settlement.then;
      waits.push((next.due ?? 0) - at);
      at = next.due ?? 0;
      current = next.message;
      verdict = look(delivery(current), registry(definition()), at);
    }
    expect(verdict).toMatchObject({ kind: "dead", reason: "unknown-task" });
    const stored = verdict.kind === "dead" ? verdict.settlement.result : undefined;
    expect(decodeTaskMeta(stored?.meta ?? new Uint8Array()).result).toMatchObject({ exc_type: "NotRegistered" });
    expect(current.body).toBe(first.body);
    for (const [index, whole] of [1000, 2000, 4000, 8000, 16_000, 30_000].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(whole / 2);
      expect(waits[index]).toBeLessThanOrEqual(whole);
    }
    expect(at - now).toBe(600_000);
  });

  it("puts back many unknown tasks of one moment one after the other, so that a Python worker can get each", () => {
    const dues = Array.from({ length: 1000 }, (_, index) => {
      const fence = 1_795_261_406_000_000 + index;
      const verdict = look(delivery(message({ task: "t.unknown" }), { fence }), registry(definition()));
      const then = verdict.kind === "parked" ? verdict.settlement.then : undefined;
      return then?.kind === "replace" ? (then.next.due ?? 0) - now : 0;
    });
    for (let from = 500; from < 1000; from += 50) {
      const share = dues.filter((due) => due >= from && due < from + 50).length;
      expect(share).toBeGreaterThan(90);
      expect(share).toBeLessThan(110);
    }
  });

  it("revokes what has expired", () => {
    const verdict = look(delivery(message({ expires: now - 1 })));
    expect(verdict.kind).toBe("expired");
    const meta = verdict.kind === "expired" ? verdict.settlement.result?.meta : undefined;
    expect(decodeTaskMeta(meta ?? new Uint8Array())).toMatchObject({
      status: "REVOKED",
      celeriac: { outcome: "expired" },
    });
  });

  it("parks what is not due yet", () => {
    expect(look(delivery(message({ eta: now + 5000 })))).toMatchObject({
      kind: "parked",
      settlement: { then: { kind: "requeue", due: now + 5000 } },
    });
  });

  // A retry that a worker with a fast clock had delayed was put back for as long as that clock was ahead.
  it("runs what the broker has kept until it was due, whatever the time here", () => {
    const kept = message({ eta: now + 3_600_000 });
    const headers = { ...kept.headers };
    markWaited(headers);
    expect(look(delivery({ ...kept, headers })).kind).toBe("run");
    const later = retryMessage({ ...kept, headers }, { retries: 1, eta: now + 7_200_000, parentId: undefined });
    expect(look(delivery(later)).kind).toBe("parked");
  });

  it("buries after as many crashes as the task allows", () => {
    expect(look(delivery(message(), { crashes: 2 })).kind).toBe("run");
    expect(look(delivery(message(), { crashes: 3 }))).toMatchObject({ kind: "dead", reason: "crashed" });
    const careful = registry(definition({ onCrash: "fail" }));
    expect(look(delivery(message(), { crashes: 1 }), careful)).toMatchObject({ kind: "dead", reason: "crashed" });
  });

  it("puts back what needs a chord to go on", () => {
    const none = { args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
    const parts = { header: [{ ...none, task: "t.member" }], body: { ...none, task: "t.body" } };
    const chord = { ...none, task: "celery.chord", kwargs: parts };
    const verdict = look(
      delivery(message({ embed: { callbacks: [chord], errbacks: null, chain: null, chord: null } })),
    );
    expect(verdict.kind).toBe("parked");
  });
});
