import { expect, test } from "vitest";
import { type KnownRevocation, Revocations } from "./revocations.ts";

const known = (more: Partial<KnownRevocation> = {}): KnownRevocation => ({
  terminate: false,
  signal: "SIGTERM",
  at: 1000,
  until: 5000,
  standing: "fact",
  ...more,
});
const task = (id: string, stamps: Readonly<Record<string, unknown>> = {}): { id: string; stamps: typeof stamps } => ({
  id,
  stamps,
});

test("an id, or one of a task's stamps", () => {
  const revocations = new Revocations();
  expect(revocations.has(task("a", { tenant: "t1" }))).toBe(false);
  revocations.add("id", "a", known());
  revocations.add("stamp", "tenant=t1", known({ terminate: true, signal: "SIGKILL" }));
  revocations.add("stamp", "batch=7", known());
  expect(revocations.has(task("a"))).toBe(true);
  expect(revocations.has(task("b", { tenant: "t1" }))).toBe(true);
  expect(revocations.has(task("b", { tenant: ["t0", "t1"] }))).toBe(true);
  expect(revocations.has(task("b", { batch: 7 }))).toBe(true);
  expect(revocations.has(task("b", { tenant: "t2", stamped_headers: ["tenant"] }))).toBe(false);
  // Whoever writes a stamp can write anything into it.
  expect(revocations.has(task("b", { tenant: () => "t1" }))).toBe(false);
});

test("what is to be ended where it runs, by whichever of two says so", () => {
  const revocations = new Revocations();
  revocations.add("id", "a", known());
  expect(revocations.terminationOf(task("a", { tenant: "t1" }))).toBeUndefined();
  revocations.add("stamp", "tenant=t1", known({ terminate: true, signal: "SIGKILL" }));
  expect(revocations.terminationOf(task("a", { tenant: "t1" }))?.signal).toBe("SIGKILL");
  revocations.add("id", "a", known({ terminate: true }));
  expect(revocations.terminationOf(task("a", { tenant: "t1" }))?.signal).toBe("SIGTERM");
});

test("of too many the oldest are forgotten", () => {
  const revocations = new Revocations(3);
  for (const id of ["a", "b", "c"]) revocations.add("id", id, known());
  revocations.add("id", "a", known());
  revocations.add("id", "d", known());
  expect([...revocations.ids.keys()]).toEqual(["c", "a", "d"]);
  expect(new Revocations(30).flooded).toBe(false);
});

test("a flood of them costs no more than what is kept", () => {
  const revocations = new Revocations();
  for (let n = 0; n < 200_000; n++) revocations.add("id", `task-${String(n)}`, known());
  expect(revocations.flooded).toBe(true);
  expect(revocations.ids.size).toBeGreaterThanOrEqual(49_000);
  expect(revocations.ids.size).toBeLessThanOrEqual(50_000);
  expect(revocations.has(task("task-199999"))).toBe(true);
  expect(revocations.has(task("task-0"))).toBe(false);
});

test("each until its time; facts are told anew, what was only heard stays", () => {
  const revocations = new Revocations();
  revocations.add("id", "fact", known({ until: 2000 }));
  revocations.add("id", "heard", known({ standing: "heard" }));
  revocations.add("id", "here", known({ standing: "here" }));
  revocations.forgetExpired(2000);
  expect([...revocations.ids.keys()]).toEqual(["heard", "here"]);
  revocations.add("id", "fact", known());
  revocations.forgetFacts("id");
  expect([...revocations.ids.keys()]).toEqual(["heard", "here"]);
});
