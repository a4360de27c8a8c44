import { hostname } from "node:os";
import { prettyFactory } from "pino-pretty";
import { describe, expect, test } from "vitest";
import type { WorkerEvent } from "../app/work.ts";
import { EventLog, jsonLine, textLine } from "./event-log.ts";

const at = Date.UTC(2026, 10, 21, 10, 0, 0, 7);
const succeeded: WorkerEvent = {
  type: "task:succeeded",
  at,
  worker: "w1",
  id: "1f",
  task: "image.resize",
  queue: "celery",
  attempt: 2,
  ms: 12.34,
};

describe("a worker's lines", () => {
  test("are pino's: its level, time, process and message around the facts", () => {
    expect(jsonLine(succeeded)).toBe(
      `{"level":30,"time":${String(at)},"pid":${String(process.pid)},"hostname":"${hostname()}","event":"task.succeeded","worker":"w1",` +
        '"id":"1f","task":"image.resize","queue":"celery","attempt":2,"ms":12.34,"msg":"task.succeeded image.resize"}',
    );
  });

  test("are shown by pino's own tools with what happened, when, and how bad it is", () => {
    const pretty = prettyFactory({ colorize: false, translateTime: "UTC:HH:MM:ss.l", ignore: "hostname" });
    const shown = pretty(
      jsonLine({ ...succeeded, type: "task:failed", pid: 77, text: "RangeError: no", traceId: "ab" }),
    );
    expect(shown).toMatch(/^\[10:00:00\.007\] ERROR \(77\): task\.failed image\.resize: RangeError: no\n/);
    expect(shown).toMatch(/\n {4}id: "1f"\n[^]*\n {4}attempt: 2\n[^]*\n {4}traceId: "ab"\n/);
  });

  test.each([
    [{ type: "task:started" }, 20],
    [{ type: "worker:ready" }, 30],
    [{ type: "task:retried" }, 40],
    [{ type: "worker:warning" }, 40],
    [{ type: "task:buried" }, 50],
    [{ type: "task:lost" }, 50],
    [{ type: "task:log", code: "debug" }, 20],
    [{ type: "task:log", code: "error" }, 50],
    [{ type: "child:output", code: "stderr" }, 40],
    [{ type: "child:exited", detail: { expected: false } }, 40],
  ] as const)("of %j have the level %i", (event, level) => {
    expect(JSON.parse(jsonLine({ at, worker: "w1", ...event }))).toMatchObject({ level });
  });

  test("carry details beside the facts, and no detail hides a fact", () => {
    const event: WorkerEvent = {
      type: "worker:ready",
      at,
      worker: "w1",
      pid: 7,
      detail: { queues: ["mail"], pid: 1, event: "no", level: 1, msg: "no" },
    };
    expect(JSON.parse(jsonLine(event))).toEqual({
      level: 30,
      time: at,
      pid: 7,
      hostname: hostname(),
      event: "worker.ready",
      worker: "w1",
      queues: ["mail"],
      msg: "worker.ready",
    });
  });

  test("keep the fields of a handler's log apart, and its text is the message", () => {
    const event: WorkerEvent = {
      type: "task:log",
      at,
      worker: "w1",
      code: "info",
      text: "hello",
      detail: { id: "mine" },
    };
    expect(JSON.parse(jsonLine(event))).toMatchObject({ event: "task.log", msg: "hello", fields: { id: "mine" } });
  });

  test("name what others call dead and warning", () => {
    expect(JSON.parse(jsonLine({ type: "task:buried", at, worker: "w1" }))).toMatchObject({ event: "task.dead" });
    expect(JSON.parse(jsonLine({ type: "worker:warning", at, worker: "w1" }))).toMatchObject({ event: "warning" });
  });

  test("are one line each for people too, whatever an error says", () => {
    const line = textLine({ ...succeeded, type: "task:failed", text: "boom\n\u001b[2Jgone" });
    expect(line).toMatch(/task\.failed +image\.resize {2}1f {2}attempt 2 {2}12 ms {2}boom\\u\{a\}\\u\{1b\}\[2Jgone$/);
  });

  test("of one turn are written together, without the ones that are silent", async () => {
    const written: string[] = [];
    const log = new EventLog("json", (text) => written.push(text));
    log.print(succeeded);
    log.print({ ...succeeded, type: "task:settled" });
    log.print(succeeded);
    expect(written).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toEqual([`${jsonLine(succeeded)}\n`.repeat(2)]);
    log.print({ type: "worker:stopped", at, worker: "w1" });
    expect(written).toHaveLength(2);
  });
});
