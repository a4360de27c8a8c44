/** `celeriac beat`, `worker -B` and `celeriac schedule` as their users have them: real processes on a database file of their own. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { celeriac, type Finished, WorkerProcess } from "../server/command-line.ts";

const appFile = fileURLToPath(new URL("./cli/scheduled-app.ts", import.meta.url));

let folder: string;
let url: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "celeriac-schedule-"));
  url = `sqlite:${join(folder, "queue.db")}`;
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const env = (): Record<string, string> => ({ CLI_TEST_BROKER: url, CELERIAC_BROKER: "" });
const run = (...args: string[]): Promise<Finished> => celeriac(["schedule", ...args, "-A", appFile], env());
const parsed = ({ stdout, stderr }: Finished): unknown => {
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
};

describe("celeriac worker -B", () => {
  test("sends what the code schedules, runs it, and stops with its worker", async () => {
    await using worker = new WorkerProcess(["-A", appFile, "-B", "--pool", "inline"], env());
    expect(await worker.line("beat.ready")).toMatchObject({ added: ["tick"], updated: [], removed: [] });
    const sent = await worker.line("schedule.sent");
    expect(sent).toMatchObject({ schedule: "tick", task: "math.add", tick: expect.stringMatching(/Z$/) });
    await worker.line("task.succeeded", ({ id }) => id === sent["id"]);
    expect(await worker.stop()).toBe(0);
    expect(worker.lines.map(({ event }) => event)).toContain("beat.stopped");
    const [entry] = parsed(await run("list", "--json")) as { last: { id: string } }[];
    expect(entry).toMatchObject({ name: "tick", schedule: "every 300ms", source: "code", state: "active" });
    const history = parsed(await run("history", "tick", "-n", "1000", "--json")) as { id: string }[];
    expect(history.map(({ id }) => id)).toContain(sent["id"]);
    expect(history[0]?.id).toBe(entry?.last.id);
  });
});

describe("celeriac beat", () => {
  test("takes over what a person adds, changes, pauses and removes; a second one stands by and takes over", async () => {
    const added = await run("add", "often", "every 200ms", "math.add", "--args", "[1, 2]", "--queue", "mine", "--json");
    expect(added).toMatchObject({ code: 0, stderr: "" });
    await using beat = new WorkerProcess(["-A", appFile, "--ttl", "2s"], env(), "beat");
    await beat.line("schedule.sent", ({ schedule }) => schedule === "often");
    await using second = new WorkerProcess(["--broker", url, "--ttl", "2s"], env(), "beat");
    await second.line("beat.ready");

    expect((await run("pause", "tick")).stdout).toBe('"tick" is paused\n');
    expect(parsed(await run("list", "--json"))).toMatchObject([
      { name: "often", source: "runtime", queue: "mine", state: "active" },
      { name: "tick", source: "code", state: "paused" },
    ]);
    const changed = await run("change", "often", "--kwargs", '{"x":5,"y":6}', "--overlap", "skip");
    expect(changed.stderr).toBe("");
    expect(parsed(await run("list", "--json"))).toMatchObject([{ queue: "mine", policy: { overlap: "skip" } }, {}]);
    expect((await run("run", "often")).stdout).toMatch(/^[0-9a-f-]{36}\n$/);

    beat.child.kill("SIGKILL");
    await second.line("beat.leading");
    expect((await run("remove", "often")).code).toBe(2);
    expect((await run("remove", "often", "--yes")).code).toBe(0);
    expect(await second.stop("SIGINT")).toBe(0);
    // A pause outlives those who sent.
    expect(parsed(await run("list", "--json"))).toMatchObject([{ name: "tick", state: "paused" }]);
  });
});

describe("celeriac schedule", () => {
  test("shows the next times in the zone of the schedule, over the night of a change", async () => {
    await run("add", "nightly", "30 2 29-31 3 *", "math.add", "--args", "[1, 2]", "--timezone", "Europe/Paris");
    const next = parsed(await run("next", "nightly", "-n", "3", "--json")) as { local: string; timezone: string }[];
    expect(next).toHaveLength(3);
    expect(next[0]).toMatchObject({ timezone: "Europe/Paris", local: expect.stringMatching(/^20\d\d-03-\d\d 0[23]:/) });
    const table = (await run("next", "nightly", "-n", "1")).stdout;
    expect(table).toMatch(/^Europe\/Paris +UTC +in\n\d{4}-03-\d\d 0[23]:\d\d:00 GMT\+[12] +/);
    expect((await run("list")).stdout).toMatch(
      /\nnightly +30 2 29-31 3 \* Europe\/Paris +math\.add .* active +run time\n/,
    );
  });

  test("shows what is only declared, and its next times", async () => {
    expect((await run("list")).stdout).toContain("declared: in the code, and stored when a beat starts");
    expect(parsed(await run("next", "tick", "--json"))).toHaveLength(5);
  });

  test.each([
    [["add", "x", "0 25 * * *", "math.add", "--args", "[1,2]"], 1, /^SCHEDULE_INVALID: /],
    [["add", "x", "@daily", "math.add", "--args", "[1]"], 1, /^INPUT_ARITY: /],
    [["change", "nosuch", "--queue", "a"], 1, /^SCHEDULE_UNKNOWN: /],
    [["change", "nosuch", "--timezone", "UTC"], 2, /--timezone belongs to --schedule/],
  ])("refuses %j", async (args, code, text) => {
    const refused = await run(...args);
    expect(refused.stderr).toMatch(text);
    expect(refused.code).toBe(code);
  });
});
