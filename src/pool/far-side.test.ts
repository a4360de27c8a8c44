import { expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { childEnvironment, inheritedFlags } from "./child-environment.ts";
import { Deadlines, type Limited } from "./deadlines.ts";
import { LogBuffer } from "./log-buffer.ts";
import { ProgressWindow } from "./progress-window.ts";
import type { ProgressItem } from "./reply-frame.ts";
import { checkTasks } from "./task-list.ts";

it("thins progress out: first at once, then the last of each window", async () => {
  const clock = new VirtualClock();
  const sent: ProgressItem[] = [];
  let open = true;
  using window = new ProgressWindow(
    clock,
    (items) => sent.push(...items),
    () => open,
  );
  for (let done = 1; done <= 5; done++) window.add([1, done, 9, null]);
  window.add([2, 1, null, null]);
  expect(sent.map(([slot, done]) => [slot, done])).toEqual([[1, 1]]);
  await clock.advance(100);
  expect(sent.map(([slot, done]) => `${slot}:${done}`)).toEqual(["1:1", "1:5", "2:1"]);
  window.add([1, 6, 9, null]);
  window.end(1);
  expect(sent.at(-1)).toEqual([1, 6, 9, null]);
  open = false;
  window.add([1, 7, 9, null]);
  await clock.advance(500);
  expect(sent).toHaveLength(4);
  open = true;
  await clock.advance(100);
  expect(sent.at(-1)).toEqual([1, 7, 9, null]);
});

it("drops the oldest log lines, and says how many", () => {
  const logs = new LogBuffer();
  for (let n = 0; n < 2500; n++) logs.add([1, 20, `line ${n}`, null]);
  const { items, dropped } = logs.take();
  expect([items.length, dropped, items[0]?.[2], items.at(-1)?.[2]]).toEqual([1000, 1500, "line 1500", "line 2499"]);
  for (let n = 0; n < 200; n++) logs.add([1, 20, "x".repeat(8192), null]);
  expect(logs.take()).toMatchObject({ dropped: 72 });
  expect(logs.empty).toBe(true);
});

it("serves many deadlines with one timer", async () => {
  const clock = new VirtualClock();
  const due: number[] = [];
  using deadlines = new Deadlines(clock);
  const entry = (at: number): Limited => ({
    deadline: at,
    due() {
      due.push(at);
      this.deadline = Infinity;
    },
  });
  const entries = [300, 100, 200].map(entry);
  for (const each of entries) deadlines.add(each);
  deadlines.add(entry(Infinity));
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await clock.advance(100);
  await turn();
  expect(due).toEqual([100]);
  const [, , gone] = entries;
  if (gone) deadlines.delete(gone);
  await clock.advance(1000);
  await turn();
  expect(due).toEqual([100, 300]);
});

it("lets through what the list names", () => {
  const from = { PATH: "/bin", NODE_ENV: "production", NODE_CHANNEL_FD: "3", NODE_UNIQUE_ID: "1", DATABASE_URL: "postgres://", TZ: "UTC", A: "1" }; // prettier-ignore
  expect(childEnvironment(["A", "B"], from)).toEqual({
    PATH: "/bin",
    NODE_ENV: "production",
    TZ: "UTC",
    A: "1",
    CELERIAC_ROLE: "child",
  });
});

it("passes on how modules load, and nothing else", () => {
  const flags = ["--import", "tsx", "--inspect=9229", "--conditions=dev", "-e", "code", "--experimental-vm-modules", "--test", "-r", "a"]; // prettier-ignore
  expect(inheritedFlags(flags)).toEqual([
    "--import",
    "tsx",
    "--conditions=dev",
    "--experimental-vm-modules",
    "-r",
    "a",
  ]);
});

it("says in what two task lists differ", () => {
  const worker = [
    { name: "a", shape: "1" },
    { name: "b", shape: "1" },
  ];
  expect(checkTasks(worker, worker)).toBeUndefined();
  const error = checkTasks(worker, [
    { name: "b", shape: "2" },
    { name: "c", shape: "1" },
  ]);
  expect(error?.code).toBe("TASKS_DIFFER");
  expect(error?.details).toEqual({ missing: ["a"], extra: ["c"], changed: ["b"] });
});
