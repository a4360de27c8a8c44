/** What `top` and `events` print of a state and of events, names of other people's making included. */

import { describe, expect, test } from "vitest";
import { ClusterState } from "../event/cluster-state.ts";
import type { CeleryEvent } from "../wire/event.ts";
import { batchLines } from "./event-print.ts";
import { topFacts, topScreen, type TopView } from "./top-screen.ts";

const now = Date.UTC(2026, 0, 15, 12);
const seconds = now / 1000;
const event = (type: string, ago: number, fields: Readonly<Record<string, unknown>>): CeleryEvent => ({
  hostname: "w1@h",
  utcoffset: 0,
  pid: 1,
  clock: 1,
  ...fields,
  timestamp: seconds - ago,
  type,
});

function viewOf(events: readonly CeleryEvent[]): TopView {
  const state = new ClusterState();
  for (const each of events) state.apply([each], each.timestamp * 1000);
  const ready = [{ priority: 0, count: 7 }];
  const queue = { name: "mail", ready, delayed: 2, leased: 1, consumers: 1, paused: false, oldest: now - 5_000 };
  return { broker: "redis://h", state, queues: [queue], now, since: now - 60_000 };
}
const beat = { freq: 2, active: 1, processed: 12, loadavg: [0.5, 1, 1], sw_ident: "celeriac", sw_ver: "1.2.3" };
const wide = { columns: 300, rows: 100 };

describe("the screen", () => {
  test("shows workers, queues, rates and what runs", () => {
    const view = viewOf([
      event("worker-heartbeat", 1, { ...beat, concurrency: 4, waiting: 3, queues: ["mail", "slow"] }),
      event("worker-heartbeat", 30, { ...beat, hostname: "w2@h" }),
      event("task-received", 6, { uuid: "a", name: "send" }),
      event("task-started", 5, { uuid: "a", attempt: 2 }),
      event("celeriac-progress", 4, { uuid: "a", done: 1, total: 4, note: "first" }),
      event("task-started", 5, { uuid: "b", name: "done" }),
      event("task-succeeded", 4, { uuid: "b" }),
    ]);
    const text = topScreen(view, wide).join("\n");
    expect(text).toMatch(/w1@h +up +1\/4 +3 +12 +0\.50 +mail,slow +celeriac 1\.2\.3/);
    expect(text).toMatch(/w2@h +lost +1 /);
    expect(text).toMatch(/mail +7 +2 +1 +5 s/);
    expect(text).toMatch(/send +a +w1@h +5 s +2 +25 % first/);
    expect(text).not.toContain("done");
    expect(text).toContain("received 0.1/s   succeeded 0.1/s   failed 0.0/s");
    expect(topFacts(view)).toMatchObject({ running: [{ uuid: "a" }], workers: [{ alive: true }, { alive: false }] });
  });

  test("fits: what does not is counted", () => {
    const many = Array.from({ length: 50 }, (_, index) =>
      event("task-started", 50 - index, { uuid: `t${String(index)}`, name: "n".repeat(300) }),
    );
    const lines = topScreen(viewOf(many), { columns: 80, rows: 20 });
    expect(lines.length).toBeLessThan(20);
    expect(lines.at(-1)).toMatch(/… and \d+ more/);
    for (const line of lines.slice(2)) expect(line.length).toBeLessThanOrEqual(90);
  });

  test("moves no cursor for anybody", () => {
    const hostile = "\u001b[2J\u202Eevil";
    const view = viewOf([
      event("worker-heartbeat", 1, { ...beat, hostname: hostile, queues: [hostile], sw_ident: hostile }),
      event("task-started", 1, { uuid: "x", name: hostile, hostname: hostile }),
    ]);
    const text = topScreen(view, wide).join("\n");
    for (const harm of ["\u001b[2J", "\u202E"]) expect(text).not.toContain(harm);
  });
});

describe("lines of events", () => {
  test("say what was missed, before what came after it", () => {
    const one = event("task-started", 0, { uuid: "a" });
    expect(batchLines({ events: [one], missed: 3 }, false)[0]).toBe("… 3 events were missed");
    expect(batchLines({ events: [one], missed: undefined }, false)[0]).toBe("… some events were missed");
    expect(batchLines({ events: [one], missed: undefined }, true)[0]).toBe('{"type":"celeriac-gap","missed":null}');
    expect(batchLines({ events: [one], missed: 0 }, true)).toEqual([JSON.stringify(one)]);
  });
  test("move no cursor for anybody", () => {
    const lines = batchLines(
      { events: [event("task-\u001b[2J", 0, { uuid: "\u001b[2J", x: "\u001b[2J" })], missed: 0 },
      false,
    );
    expect(lines.join("")).not.toContain("\u001b[2J");
  });
});
