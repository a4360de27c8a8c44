/** What is told, when, how often, and what becomes of it where the webhook is away. */

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { coreOf } from "../../app/app.ts";
import { eventMessage } from "../../wire/event.ts";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import { Stage } from "../fixtures/stage.ts";
import { Alarm, type AlertNotice, signatureOf } from "./alarm.ts";
import { type AlertOptions, type Finding, findingsOf, resolveAlerts, type Situation } from "./rules.ts";

const minute = 60_000;
const well: Situation = {
  now: 100 * minute,
  queues: [],
  done: 0,
  failed: 0,
  workers: [],
  missed: [],
  crashes: new Map(),
};

interface Told {
  readonly notice: AlertNotice;
  readonly signature: string;
  readonly body: string;
}

let server: Server;
let webhook: string;
let told: Told[];
let status: number;
beforeEach(async () => {
  told = [];
  status = 200;
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      told.push({
        notice: JSON.parse(body) as AlertNotice,
        signature: String(request.headers["x-celeriac-signature"]),
        body,
      });
      response.writeHead(status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  webhook = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/hook`;
});
afterEach(() => {
  vi.restoreAllMocks();
  server.close();
});

describe("the rules", () => {
  const found = (situation: Partial<Situation>, options: Partial<AlertOptions> = {}): readonly string[] =>
    findingsOf(resolveAlerts({ webhook, ...options }), { ...well, ...situation }).map(
      ({ kind, subject }) => `${kind} ${subject}`,
    );
  const worker = { name: "w", online: false, gone: false, heard: well.now - minute };

  test.each<readonly [string, Partial<Situation>, readonly string[]]>([
    ["nothing", {}, []],
    ["an old task", { queues: [{ name: "q", oldest: well.now - 6 * minute }] }, ["queue-age q"]],
    ["a young task", { queues: [{ name: "q", oldest: well.now - 4 * minute }] }, []],
    ["an old task of a paused queue", { queues: [{ name: "q", oldest: 0, paused: true }] }, []],
    ["many failures", { done: 100, failed: 20 }, ["failure-rate "]],
    ["few failures", { done: 100, failed: 19 }, []],
    ["too few tasks to say", { done: 19, failed: 19 }, []],
    ["a worker that fell silent", { workers: [worker] }, ["worker-missing w"]],
    ["a worker that said good-bye", { workers: [{ ...worker, gone: true }] }, []],
    ["a worker that fell silent long ago", { workers: [{ ...worker, heard: 0 }] }, []],
    ["a missed tick", { missed: [{ name: "s", tick: 0 }] }, ["schedule-missed s"]],
    ["a crash loop", { crashes: new Map([["w", 5]]) }, ["crash-loop w"]],
    ["a few crashes", { crashes: new Map([["w", 4]]) }, []],
  ])("%s", (_name, situation, expected) => {
    expect(found(situation)).toEqual(expected);
    const off = { queueAge: false, failureRate: false, workers: false, schedules: false, crashes: false } as const;
    expect(found(situation, off)).toEqual([]);
  });

  test("workers that must be there", () => {
    const workers = [{ ...worker, name: "a", online: true }];
    expect(found({ workers }, { workers: ["a", "b"] })).toEqual(["worker-missing b"]);
  });

  test("wrong options are refused", () => {
    for (const options of [
      { webhook: "ftp://x" },
      { webhook: "x" },
      { webhook, failureRate: 2 },
      { webhook, settle: "soon" },
    ] as AlertOptions[])
      expect(() => resolveAlerts(options)).toThrow();
  });
});

describe("the alarm", () => {
  let clock: VirtualClock;
  let stop: AbortController;
  const slow: Finding = { kind: "queue-age", subject: "q", text: "slow", value: 1 };
  beforeEach(() => {
    clock = new VirtualClock();
    stop = new AbortController();
  });
  afterEach(() => stop.abort());
  const alarm = (options: Partial<AlertOptions> = {}): Alarm =>
    new Alarm(resolveAlerts({ webhook, secret: "s3cret", ...options }), "test", clock, stop.signal);

  test("tells once that something began, again when it goes on for long, and once that it ended", async () => {
    const one = alarm();
    const states: string[] = [];
    for (let at = 0; at <= 70 * minute; at += minute / 2) {
      one.take(at < 65 * minute ? [slow] : [], at);
      await one.idle();
    }
    for (const { notice } of told) states.push(`${notice.status} ${String(Math.round((notice.until ?? 0) / minute))}`);
    expect(states).toEqual(["firing 0", "firing 0", "resolved 65"]);
    expect(new Set(told.map(({ notice }) => notice.id)).size).toBe(1);
    expect(told[0]?.notice).toMatchObject({ kind: "queue-age", subject: "q", environment: "test", since: 0, value: 1 });
    expect(one.firing).toEqual([]);
  });

  test("says nothing of what flickers", async () => {
    const one = alarm();
    for (let at = 0; at < 20; at++) one.take(at % 2 === 0 ? [slow] : [], at * 50_000);
    await one.idle();
    expect(told).toEqual([]);
    // And once it fires, a moment of good does not end it.
    one.take([slow], 30 * minute);
    one.take([slow], 31 * minute);
    one.take([], 31 * minute + 10_000);
    one.take([slow], 31 * minute + 20_000);
    await one.idle();
    expect(told.map(({ notice }) => notice.status)).toEqual(["firing"]);
  });

  test("is signed", async () => {
    const one = alarm({ settle: 0 });
    one.take([slow], 1);
    await one.idle();
    const [{ signature, body } = { signature: "", body: "" }] = told;
    const [, seconds = ""] = /^t=(\d+),/.exec(signature) ?? [];
    expect(signature).toBe(signatureOf("s3cret", Number(seconds), body));
    expect(signature).not.toBe(signatureOf("other", Number(seconds), body));
  });

  test("is tried again for a while where the webhook is away, and given up", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const one = alarm({ settle: 0 });
    status = 503;
    one.take([slow], 1);
    for (let n = 0; n < 3; n++) {
      await expect.poll(() => told.length).toBe(n + 1);
      await expect.poll(async () => (await clock.advance(30_000), told.length)).toBe(n + 2);
    }
    await one.idle();
    expect(told).toHaveLength(4);
    expect(warnings).toHaveBeenCalledWith(expect.stringContaining("503"), { code: "ALERT_UNSENT" });
    status = 400;
    one.take([], 2);
    await one.idle();
    expect(told).toHaveLength(5); // refused: not tried again
  });
});

test("children that die are counted by their worker", async () => {
  const alerts = { webhook, crashes: 2, queueAge: false, settle: 0 } as const;
  await using stage = new Stage(undefined, { alerts });
  await stage.page.start();
  const { bus } = await coreOf(stage.app).connect();
  const at = { timestamp: Date.now() / 1000, utcoffset: 0, pid: 1, clock: 1, hostname: "w@h", type: "celeriac-child" };
  const exited = (expected: boolean) => ({ ...at, kind: "exited", child: 2, detail: { code: 1, expected } });
  const events = [exited(false), exited(true), { ...at, kind: "started", detail: {} }, exited(false)];
  await expect
    .poll(
      async () => {
        await bus.publish({ kind: "event", type: "celeriac.multi" }, eventMessage(told.length === 0 ? events : []));
        return told[0]?.notice.subject;
      },
      { timeout: 60_000, interval: 500 },
    )
    .toBe("w@h");
});

test("a scheduler that leaves out what it missed is told of", async () => {
  const alerts = { webhook, queueAge: false, settle: 0 } as const;
  await using stage = new Stage(undefined, { alerts });
  await stage.page.start();
  const { bus } = await coreOf(stage.app).connect();
  const at = {
    timestamp: Date.now() / 1000,
    utcoffset: 0,
    pid: 1,
    clock: 1,
    hostname: "b@h",
    type: "celeriac-schedule",
  };
  const about = { ...at, tick: "2026-01-15T12:05:00.000000+00:00", uuid: null, outcome: "skipped" };
  const events = [
    { ...about, schedule: "made up for", why: "made-up" },
    { ...about, schedule: "nightly", why: "missed" },
  ];
  await expect
    .poll(
      async () => {
        await bus.publish({ kind: "event", type: "celeriac.multi" }, eventMessage(events));
        return told.map(({ notice }) => [notice.kind, notice.subject, notice.text]);
      },
      { timeout: 60_000, interval: 500 },
    )
    .toEqual([["schedule-missed", "nightly", 'The schedule "nightly" did not send at 2026-01-15T12:05:00.000Z.']]);
});

test("a real queue that waits calls", async () => {
  const alerts = { webhook, queueAge: 1, settle: 0 } as const;
  await using stage = new Stage(undefined, { alerts });
  await stage.app.remote<() => void>("elsewhere", { queue: "slow" }).delay();
  await stage.page.start();
  await expect.poll(() => told.map(({ notice }) => notice.subject), { timeout: 60_000 }).toEqual(["slow"]);
});
