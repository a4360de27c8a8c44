import { expect, test } from "vitest";
import { VirtualClock } from "../../../testing/virtual-clock.ts";
import { Answers } from "./answers.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ConnectionError } from "./client.ts";
import { method } from "./method.ts";

const nothing = (): ByteReader => new ByteReader();

/** The arguments of `basic.consume-ok`. */
function tagged(tag: string): ByteReader {
  const bytes = Buffer.concat([Buffer.from([tag.length]), Buffer.from(tag)]);
  return new ByteReader().use(bytes, 0, bytes.length);
}

function open(): { answers: Answers; clock: VirtualClock; late: ConnectionError[] } {
  const clock = new VirtualClock();
  const late: ConnectionError[] = [];
  return { answers: new Answers({ clock, timeout: 1000, late: (error) => late.push(error) }), clock, late };
}

test("equal calls are answered in their order, consumers by their tag", async () => {
  const { answers } = open();
  const order: string[] = [];
  const expected = [
    answers.expect(method.queueDeclare, () => order.push("first")),
    answers.expect(method.basicConsume, () => order.push("a"), "a"),
    answers.expect(method.basicConsume, () => order.push("b"), "b"),
    answers.expect(method.queueDeclare, () => order.push("second")),
    answers.expect(method.basicGet, () => order.push("empty")),
  ];
  answers.take(method.queueDeclareOk, nothing());
  answers.take(method.queueDeclareOk, nothing());
  answers.take(method.basicConsumeOk, tagged("b"));
  answers.take(method.basicGetEmpty, nothing());
  answers.take(method.basicConsumeOk, tagged("a"));
  await Promise.all(expected);
  expect(order).toEqual(["first", "second", "b", "empty", "a"]);
});

test("an answer that nobody waits for is refused", () => {
  const { answers } = open();
  expect(() => answers.take(method.queuePurgeOk, nothing())).toThrow(
    expect.objectContaining({ code: 503, message: expect.stringContaining("queue.purgeOk") as string }) as Error,
  );
  expect(() => answers.take(0x005a_000b, nothing())).toThrow(/method 90.11/);
});

test("one that can't be read is an error of its caller too", async () => {
  const { answers } = open();
  const answer = answers.expect(method.queueDeclare, (bytes) => bytes.u32());
  expect(() => answers.take(method.queueDeclareOk, nothing())).toThrow(/4 bytes should follow/);
  await expect(answer).rejects.toThrow(/4 bytes should follow/);
});

test("after the other side's close only ours is answered", async () => {
  const { answers } = open();
  const before = answers.expect(method.basicQos, () => "qos");
  const close = answers.expect(method.channelClose, () => "closed");
  answers.rejectBefore(method.channelClose, new Error("refused"));
  await expect(before).rejects.toThrow("refused");
  answers.take(method.channelCloseOk, nothing());
  expect(await close).toBe("closed");
});

test("one that comes too late ends the connection, one in time leaves no timer", async () => {
  const { answers, clock, late } = open();
  const answered = answers.expect(method.basicQos, () => "qos");
  answers.take(method.basicQosOk, nothing());
  await answered;
  expect(clock.pending).toBe(0);
  const waiting = answers.expect(method.queueDeclare, () => "declared");
  await clock.advance(1000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(late.map(({ message }) => message)).toEqual(["the server didn't answer queue.declare within 1000 ms"]);
  answers.rejectAll(late[0]!);
  await expect(waiting).rejects.toBe(late[0]);
});
