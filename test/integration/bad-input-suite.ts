/** What comes in wrong: refused with a code at the earliest place, kept as it came where it came from others, and never in the way. */

import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { coreOf } from "../../src/app/app.ts";
import { type App, createApp, type DeadLetter, type WorkerEvent, type WorkOptions } from "../../src/index.ts";
import type { Message } from "../../src/wire/message.ts";
import { makeTaskMessage, type TaskDraft } from "../../src/wire/task-message.ts";
import type { SuiteBroker } from "./worker-suite.ts";

const limit = 64 * 1024;
const soon = { timeout: "60s" } as const;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export function badInputSuite(name: string, makeBroker: () => Promise<SuiteBroker>): void {
  describe(`bad input on ${name}`, () => {
    let broker: SuiteBroker;
    let app: App;
    /** Speaks to the same broker and knows none of our rules. */
    let stranger: App;
    let events: WorkerEvent[];
    let ran: unknown[];

    beforeEach(async () => {
      broker = await makeBroker();
      app = createApp({ name: "host", broker: broker.url, maxMessageBytes: limit });
      stranger = createApp({ name: "stranger", broker: broker.url, maxMessageBytes: 64 * limit });
      events = [];
      ran = [];
    });
    afterEach(async () => {
      await app.close();
      await stranger.close();
      await broker.close();
    });

    const schema = z.object({ n: z.number().int() });
    const declare = (to: App = app) =>
      to.task("in.typed", { input: schema, retry: { limit: 5, delay: "10ms" } }, ({ n }) => (ran.push(n), n));
    const declareFree = () => app.task("in.free", (input: unknown) => void ran.push(input));
    const work = (options: WorkOptions = {}) =>
      app.work({
        pool: "inline",
        concurrency: 5,
        lease: "60s",
        sweep: "100ms",
        onEvent: (event) => events.push(event),
        ...options,
      });
    const letters = async (): Promise<readonly DeadLetter[]> => (await app.dead.list({}, undefined, 100)).items;
    const letterOf = async (id: string): Promise<DeadLetter> => {
      const find = async (): Promise<DeadLetter | undefined> => (await letters()).find((letter) => letter.id === id);
      await expect.poll(find, soon20).toBeDefined();
      return (await find()) as DeadLetter;
    };
    const soon20 = { timeout: 60_000 };
    const left = async (): Promise<readonly number[]> => {
      const queues = await app.queues.list();
      const ready = queues.flatMap((queue) => queue.ready.map(({ count }) => count));
      return [...ready, ...queues.flatMap(({ leased, delayed }) => [leased ?? 0, delayed ?? 0])].filter((n) => n > 0);
    };
    const put = async (...messages: readonly Message[]): Promise<void> => {
      const backend = await coreOf(stranger).connect();
      const batch = messages.map((message) => ({ queue: "celery", message }));
      const published = await backend.broker.publish(batch, AbortSignal.timeout(60_000));
      expect(published.map(({ kind }) => kind)).toEqual(messages.map(() => "accepted"));
    };
    const message = (draft: Partial<TaskDraft> & { id: string }, changes: Partial<Message> = {}): Message => ({
      ...makeTaskMessage({ task: "in.free", args: [], kwargs: {}, ...draft }),
      ...changes,
    });
    /** The queue is empty and the worker of use. */
    const goesOn = async (): Promise<void> => {
      const sent = await app.task(`in.after-${crypto.randomUUID()}`, () => "fine").delay();
      expect(await sent.get(soon)).toBe("fine");
      await expect.poll(left, soon20).toEqual([]);
    };

    it("is refused at the call if it fails the schema; nothing is sent, of a batch neither", async () => {
      const typed = declare();
      await expect(typed.delay({ n: "seven" as unknown as number })).rejects.toMatchObject({
        code: "INPUT_INVALID",
        details: { issues: [{ path: ["n"], message: expect.any(String) }] },
      });
      await expect(typed.enqueueMany([{ n: 1 }, { n: 1.5 }])).rejects.toMatchObject({ code: "INPUT_INVALID" });
      expect(await left()).toEqual([]);
    });

    it("fails its schema again on the worker: not run, not retried, dead-lettered as it came, and redriven", async () => {
      declare();
      await put(
        message({ id: "wrong", task: "in.typed", kwargs: { n: "seven" } }),
        message({ id: "many", task: "in.typed", args: [{ n: 1 }, { n: 2 }] }),
      );
      await work();
      for (const [id, code] of [
        ["wrong", "INPUT_INVALID"],
        ["many", "INPUT_ARITY"],
      ] as const) {
        await expect(app.result(id).get(soon)).rejects.toMatchObject({
          code: "TASK_FAILED",
          details: { code, dead: true },
        });
        expect(await letterOf(id)).toMatchObject({ task: "in.typed", queue: "celery", reason: "invalid-input" });
      }
      const letter = await letterOf("wrong");
      expect(letter.detail).toContain("n: ");
      expect(Buffer.from(letter.raw).toString()).toContain("seven");
      expect(ran).toEqual([]);
      expect(events.filter(({ type }) => type === "task:retried")).toEqual([]);
      expect(await app.dead.redrive([letter.key])).toBe(1);
      expect(await letterOf("wrong")).toMatchObject({ reason: "invalid-input" });
      await goesOn();
    });

    it("is refused at the call if JSON cannot carry it, with the path; nothing is sent", async () => {
      const free = declareFree();
      const circle: Record<string, unknown> = {};
      circle["self"] = circle;
      const values: readonly unknown[] = [
        Number.NaN,
        Number.POSITIVE_INFINITY,
        () => 1,
        Symbol("s"),
        new Map([[1, 2]]),
        new Set([1]),
        new (class Money {
          readonly amount = 1;
        })(),
        new Date(Number.NaN),
        circle,
        [undefined],
      ];
      for (const value of values) {
        await expect(free.delay({ deep: [{ value }] }), typeof value).rejects.toMatchObject({
          code: "NOT_SERIALIZABLE",
          message: expect.stringContaining("deep[0].value"),
        });
      }
      let nested: unknown = 1;
      for (let level = 0; level < 10_000; level++) nested = [nested];
      await expect(free.delay({ nested })).rejects.toMatchObject({ code: "NOT_SERIALIZABLE" });
      expect(await left()).toEqual([]);
    });

    it("fails a task whose result JSON cannot carry, without another try", async () => {
      const odd = app.task("in.odd", { retry: { limit: 3, delay: "10ms" } }, (_: { n: number }): number => {
        ran.push("odd");
        return new Map() as unknown as number;
      });
      await work();
      await expect((await odd.delay({ n: 1 })).get(soon)).rejects.toMatchObject({
        code: "TASK_FAILED",
        details: { code: "NOT_SERIALIZABLE" },
      });
      expect(ran).toEqual(["odd"]);
      await goesOn();
    });

    it("is refused at the call over the size limit, and on the worker if it got by; then its bytes are kept", async () => {
      const free = declareFree();
      const padding = "x".repeat(limit);
      await expect(free.delay({ padding })).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });
      await expect(free.enqueueMany([{ small: 1 }, { padding }])).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });
      expect(await left()).toEqual([]);

      await put(message({ id: "large", kwargs: { padding } }));
      await work();
      const letter = await letterOf("large");
      expect(letter).toMatchObject({ reason: "refused-content", detail: expect.stringContaining(String(limit)) });
      expect(Buffer.from(letter.raw).toString()).toContain(padding);
      await expect(app.result("large").get(soon)).rejects.toMatchObject({ code: "TASK_FAILED" });
      expect(ran).toEqual([]);
      await goesOn();
    });

    it("waits for a worker that knows its task, as in a rolling deploy", async () => {
      declareFree();
      const older = await work({ unknownTaskGrace: "10m" });
      const other = createApp({ name: "newer", broker: broker.url });
      try {
        await put(message({ id: "early", task: "in.newer", kwargs: { n: 1 } }));
        await expect.poll(async () => (await app.queues.list())[0]?.delayed, soon20).toBe(1);
        await older.stop();
        other.task("in.newer", ({ n }: { n: number }) => n + 1);
        await other.work({ pool: "inline", concurrency: 5, lease: "60s" });
        expect(await other.result("early").get(soon)).toBe(2);
      } finally {
        await other.close();
      }
      expect(await letters()).toEqual([]);
      await expect.poll(left, soon20).toEqual([]);
    });

    it("names a task that nobody knows: put back until the grace is over, then dead-lettered with its body", async () => {
      declareFree();
      await put(message({ id: "lost", task: "in.nowhere", kwargs: { order: 4711 } }));
      await work({ unknownTaskGrace: "300ms" });
      await expect(app.result("lost").get(soon)).rejects.toMatchObject({
        code: "TASK_FAILED",
        type: "NotRegistered",
        dead: true,
      });
      const letter = await letterOf("lost");
      expect(letter).toMatchObject({ task: "in.nowhere", reason: "unknown-task" });
      expect(Buffer.from(letter.raw).toString()).toContain("4711");
      await goesOn();
    });

    it("has a hostile task name: dead-lettered at once, whatever the grace", async () => {
      declareFree();
      const names = ["__proto__", "constructor", "toString", "../../etc/passwd", "in.free\n", "x".repeat(300), ""];
      await put(
        ...names.map((task, n) => {
          const plain = message({ id: `hostile-${String(n)}` });
          const headers = Object.assign(Object.create(null) as Record<string, unknown>, plain.headers, { task });
          return { ...plain, headers };
        }),
      );
      await work({ unknownTaskGrace: "10m" });
      for (const n of names.keys()) {
        expect(await letterOf(`hostile-${String(n)}`)).toMatchObject({ reason: "unknown-task" });
      }
      expect(ran).toEqual([]);
      await goesOn();
    });

    it("is hostile or of another kind: dead-lettered with its bytes, nothing run, nothing parsed that can run", async () => {
      declareFree();
      const deep = (open: string, close: string): string => open.repeat(10_000) + close.repeat(10_000);
      const bodies: Record<string, readonly [Partial<Message>, DeadLetter["reason"]]> = {
        pickle: [
          { contentType: "application/x-python-serialize", body: bytes("cos\nsystem\n(S'id'\ntR.") },
          "refused-content",
        ],
        yaml: [{ contentType: "application/x-yaml" }, "refused-content"],
        html: [{ contentType: "text/html" }, "refused-content"],
        utf16: [{ contentEncoding: "utf-16" }, "refused-content"],
        "proto in kwargs": [{ body: bytes('[[],{"__proto__":{"admin":true}},{}]') }, "undecodable"],
        "proto in args": [{ body: bytes('[[{"a":{"__proto__":1}}],{},{}]') }, "undecodable"],
        "deep args": [{ body: bytes(`[[${deep("[", "]")}],{},{}]`) }, "undecodable"],
        "deep kwargs": [{ body: bytes(`[[],{"a":${deep('{"a":', "}").replace("}", "1}")}},{}]`) }, "undecodable"],
        "deep embed": [{ body: bytes(`[[],{},{"callbacks":${deep("[", "]")}}]`) }, "undecodable"],
        "no JSON": [{ body: bytes("hello") }, "undecodable"],
        "cut off": [{ body: bytes('[[1,2],{"a"') }, "undecodable"],
        empty: [{ body: bytes("") }, "undecodable"],
        "protocol 1": [
          { body: bytes('{"task":"in.free","id":"protocol 1","args":[],"kwargs":{}}') },
          "refused-content",
        ],
        "not UTF-8": [
          { body: Uint8Array.of(0x5b, 0x5b, 0x22, 0xff, 0xfe, 0x22, 0x5d, 0x2c, 0x7b, 0x7d, 0x2c, 0x7b, 0x7d, 0x5d) },
          "undecodable",
        ],
      };
      const all = Object.entries(bodies).map(([id, [changes]]) => message({ id }, changes));
      const packed = (id: string, compression: string, body: Uint8Array): Message => {
        const plain = message({ id }, { body });
        return { ...plain, headers: { ...plain.headers, compression } };
      };
      await put(
        ...all,
        packed("bomb", "application/x-gzip", gzipSync(Buffer.alloc(200 * limit, 32))),
        packed("bzip2", "application/x-bz2", bytes("BZh9")),
        packed("damaged", "application/x-gzip", bytes("no zlib at all")),
      );
      await work();
      const expected = {
        ...Object.fromEntries(Object.entries(bodies).map(([id, [, reason]]) => [id, reason])),
        bomb: "refused-content",
        bzip2: "refused-content",
        damaged: "undecodable",
      };
      const reasons = async (): Promise<unknown> =>
        Object.fromEntries((await letters()).map(({ id, reason }) => [id ?? "", reason]));
      await expect.poll(reasons, soon20).toEqual(expected);
      for (const id of Object.keys(expected)) {
        await expect(app.result(id).get(soon), id).rejects.toMatchObject({ code: "TASK_FAILED", dead: true });
      }
      expect(Buffer.from((await letterOf("no JSON")).raw).toString()).toContain("hello");
      expect(ran).toEqual([]);
      expect(({} as { admin?: boolean }).admin).toBeUndefined();
      await goesOn();
    });
  });
}
