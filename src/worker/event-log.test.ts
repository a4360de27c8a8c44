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
  test("are JSON with time and event first", () => {
    expect(jsonLine(succeeded)).toBe(
      '{"time":"2026-11-21T10:00:00.007Z","event":"task.succeeded","worker":"w1","id":"1f","task":"image.resize","queue":"celery","attempt":2,"ms":12.34}',
    );
  });

  test("carry details beside the facts, and no detail hides a fact", () => {
    const event: WorkerEvent = {
      type: "worker:ready",
      at,
      worker: "w1",
      pid: 7,
      detail: { queues: ["mail"], pid: 1, event: "no" },
    };
    expect(JSON.parse(jsonLine(event))).toEqual({
      time: "2026-11-21T10:00:00.007Z",
      event: "worker.ready",
      worker: "w1",
      pid: 7,
      queues: ["mail"],
    });
  });

  test("keep the fields of a handler's log apart", () => {
    const event: WorkerEvent = {
      type: "task:log",
      at,
      worker: "w1",
      code: "info",
      text: "hello",
      detail: { id: "mine" },
    };
    expect(JSON.parse(jsonLine(event))).toMatchObject({ event: "task.log", text: "hello", fields: { id: "mine" } });
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
