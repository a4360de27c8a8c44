import { expect, test } from "vitest";
import type { Clock } from "../clock/clock.ts";
import { systemClock } from "../clock/clock.ts";
import { Background } from "./background.ts";

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

function listener(): { lines: Line[]; log: { warn: Log; error: Log } } {
  const lines: Line[] = [];
  const write =
    (level: string): Log =>
    (fields, message) =>
      void lines.push({ level, fields, message });
  return { lines, log: { warn: write("warn"), error: write("error") } };
}
type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Sleeps end when the test says so. */
function heldClock(): { clock: Clock; ring: () => void } {
  let ring = (): void => {};
  const clock: Clock = { ...systemClock, sleep: () => new Promise((resolve) => (ring = resolve)) };
  return { clock, ring: () => ring() };
}

test("nothing runs before the response is over; then all, in order, each awaited", async () => {
  const { log } = listener();
  const background = new Background({ log });
  const batch = background.batch();
  const seen: string[] = [];
  batch.add(async (name: string) => {
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(name);
  }, "slow");
  batch.add((name: string, again: number) => seen.push(`${name}${again}`), "quick", 2);
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([]);
  expect(background.pending).toBe(2);
  batch.release();
  expect(seen, "release itself runs nothing").toEqual([]);
  await background.close();
  expect(seen).toEqual(["slow", "quick2"]);
  expect(background.pending).toBe(0);
});

test("an error is logged with the name of its function and stops nothing", async () => {
  const { log, lines } = listener();
  const background = new Background({ log });
  const batch = background.batch();
  const seen: string[] = [];
  batch.add(function sendMail() {
    throw new Error("no route to host");
  });
  batch.add(() => Promise.reject(new Error("also")));
  batch.add(() => seen.push("last"));
  batch.release();
  await background.close();
  expect(seen).toEqual(["last"]);
  expect(lines.map((line) => line.level)).toEqual(["error", "error"]);
  expect(lines[0]?.message).toContain("sendMail");
  expect(lines[0]?.fields["err"]).toBeInstanceOf(Error);
});

test("a failed request runs nothing and says so", async () => {
  const { log, lines } = listener();
  const background = new Background({ log });
  const batch = background.batch();
  let ran = false;
  batch.add(function announce() {
    ran = true;
  });
  batch.drop();
  batch.release();
  batch.add(() => (ran = true));
  await background.close();
  expect(ran).toBe(false);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.fields["background"]).toEqual(["announce"]);
});

test("work added by work, and after the response, still runs", async () => {
  const { log } = listener();
  const background = new Background({ log });
  const batch = background.batch();
  batch.release();
  const seen: number[] = [];
  await new Promise<void>((done) => {
    batch.add(() => {
      seen.push(1);
      batch.add(() => {
        seen.push(2);
        done();
      });
    });
  });
  await background.close();
  expect(seen).toEqual([1, 2]);
});

test("close waits, but not for ever: it names what it gives up and aborts the signal", async () => {
  const { log, lines } = listener();
  const { clock, ring } = heldClock();
  const background = new Background({ log, clock, patience: 5000 });
  const batch = background.batch();
  let late = false;
  const started = new Promise<void>((resolve) => {
    batch.add(function endless() {
      resolve();
      return new Promise(() => {});
    });
  });
  batch.add(function never() {
    late = true;
  });
  batch.release();
  await started;
  const closed = background.close();
  ring();
  await closed;
  expect(late).toBe(false);
  expect(lines.at(-1)?.fields["background"]).toEqual(["endless", "never"]);
  expect(batch.signal.aborted).toBe(true);
  expect(() => batch.add(() => {})).toThrow(expect.objectContaining({ code: "BACKGROUND_CLOSED" }));
  await background.close();
});

test("batches of two requests do not wait for each other", async () => {
  const { log } = listener();
  const background = new Background({ log });
  const slow = background.batch();
  const quick = background.batch();
  let open = (): void => {};
  slow.add(() => new Promise<void>((resolve) => (open = resolve)));
  slow.release();
  await new Promise<void>((done) => {
    quick.add(done);
    quick.release();
  });
  open();
  await background.close();
});

test("a call instead of a function is refused where it is written", () => {
  const { log } = listener();
  const batch = new Background({ log }).batch();
  expect(() => batch.add(undefined as unknown as () => void)).toThrow(/pass the function/);
});
