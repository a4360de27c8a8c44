/** What a run may leave, and what is a leak: by the names that `leftovers` gives, and by what processes hold. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { holdingOf, processesWith } from "./holding.ts";
import { type Held, heldTooMuch, leftBehind } from "./leak-check.ts";

describe("what a broker holds when all is done", () => {
  it("may be what it keeps on purpose", () => {
    const redis = {
      "celeriac:dead": 3,
      "celeriac:fence": 1,
      "celeriac:facts:versions": 6,
      "celeriac:term:celeriac-N@vm// beat": 4,
      "celeriac:fired:every N ms": 5900,
      "celeriac:ticks:skip what was missed": 1000,
    };
    const sqlite = { celeriac_meta: 4, sqlite_sequence: 3, celeriac_dead: 3, celeriac_fired: 6000, celeriac_task: 0 };
    const rabbit = { "messages in celery.dead": 3, "messages in celery": 0, "rabbitmq queues": 31 };
    for (const found of [redis, sqlite, rabbit]) expect(leftBehind(found, 3)).toEqual([]);
  });

  it.each([
    ["a lease that nobody has", { unacked: 1 }],
    ["its place in the order of leases", { unacked_index: 2 }],
    ["a start that was not taken off", { "celeriac:started:celery": 1 }],
    ["a place in a concurrency limit", { "celeriac:slots:mail": 1 }],
    ["an id that is known for ever", { "celeriac:seen:job-N": 80 }],
    ["a row of a large body", { celeriac_large: 1 }],
    ["more dead letters than were read", { celeriac_dead: 4 }],
    ["ticks of seven schedules", { celeriac_fired: 7000 }],
    ["a message", { "messages in celery_delayed_N": 1 }],
    ["a queue for each worker that there was", { "rabbitmq queues": 40 }],
    ["replies that nobody waits for", { "rabbitmq temporary queues": 30 }],
  ])("is a leak if it is %s", (_what, found) => {
    const [[name, count]] = Object.entries(found) as [[string, number]];
    expect(leftBehind(found, 3)).toEqual([
      expect.stringMatching(new RegExp(`^leak: ${String(count)} in ${name}, where there may be \\d+$`)),
    ]);
  });
});

describe("what a process holds when it has nothing to do", () => {
  const idle: Held = { kind: "worker", pid: 7, pool: 2, connections: 5, files: 9, children: [8, 9] };

  it("may be what it needs", () => {
    expect(heldTooMuch([idle, { ...idle, pid: 8, pool: 0, connections: 0, children: [] }])).toEqual([]);
  });

  it("is a leak if there is more of it", () => {
    expect(heldTooMuch([{ ...idle, connections: 9, files: 21, children: [8, 9, 10] }])).toEqual([
      "leak: worker 7 has 9 connections open, and needs 8",
      "leak: worker 7 has 21 files open, and needs 20",
      "leak: worker 7 has 3 children open, and needs 2",
    ]);
  });
});

describe.runIf(process.platform === "linux")("a process of this machine", () => {
  it("is found by its environment, with its connections, files and children", async () => {
    await using server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { readonly port: number };
    const mark = `CHAOS_JOURNAL=/nowhere/${String(process.pid)}`;
    const program = `
      const { connect } = require("node:net");
      require("node:fs").openSync(process.execPath);
      require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"]);
      const sockets = [1, 2, 3].map(() => connect(${String(port)}, "127.0.0.1"));
      Promise.all(sockets.map((s) => new Promise((up) => s.on("connect", up)))).then(() => console.log("up"));`;
    const child = spawn(process.execPath, ["-e", program], {
      env: { ...process.env, CHAOS_JOURNAL: mark.slice(mark.indexOf("=") + 1) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data");
      expect(holdingOf(child.pid ?? 0)).toMatchObject({ connections: 3, files: 1, children: [expect.any(Number)] });
      const found = processesWith(mark);
      expect(found).toContain(child.pid);
      expect(found).toHaveLength(2);
      for (const pid of found) process.kill(pid, "SIGKILL");
      await once(child, "exit");
      expect(holdingOf(child.pid ?? 0)).toBeUndefined();
    } finally {
      child.kill("SIGKILL");
      server.close();
    }
  });
});
