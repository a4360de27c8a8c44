import { expect, it } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import { makeTaskMessage } from "../../wire/task-message.ts";
import { delayKey, deliveryKeys, levelCount } from "./delay.ts";
import { Packer } from "./parcel.ts";

/** As RabbitMQ matches the words of a topic without `#`. */
function matches(key: string, pattern: string): boolean {
  const [words, wanted] = [key.split("."), pattern.split(".")];
  return words.length === wanted.length && wanted.every((word, at) => word === "*" || word === words[at]);
}

const reaches = (queue: string, key: string): boolean => deliveryKeys(queue).some((pattern) => matches(key, pattern));

it("what is delayed reaches its own queue, sent by us or by Celery, and none whose name it ends with", () => {
  const digits = "0.".repeat(levelCount - 3) + "1.0.1.";
  for (const queue of ["mail", "fast.mail", "very.fast.mail"]) {
    expect(reaches(queue, delayKey(5, queue)), queue).toBe(true);
    expect(reaches(queue, digits + queue), `Celery's ${queue}`).toBe(true);
  }
  expect(reaches("mail", delayKey(5, "fast.mail"))).toBe(false);
  expect(reaches("mail", `${digits}fast.mail`)).toBe(false);
});

it("a delay stays as long as it was, though the wall clock steps before it is sent or sent again", () => {
  const clock = new VirtualClock();
  const packer = new Packer(clock);
  const message = makeTaskMessage({ task: "t", id: "1", args: [], kwargs: {} });
  const parcel = packer.pack({ queue: "mail", message, due: clock.now() + 5000 });
  for (const step of [-3_600_000, 7_200_000]) {
    clock.jump(step);
    expect(packer.outbound(parcel).routingKey).toBe(delayKey(5, "mail"));
  }
});
