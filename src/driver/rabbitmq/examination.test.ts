import { expect, test } from "vitest";
import { examine } from "./examination.ts";
import { readLocation } from "./location.ts";

const verdicts = (url: string, drifts: Parameters<typeof examine>[2] = []): readonly string[] =>
  examine(readLocation(new URL(url)), "4.1.0", drifts).map(({ verdict, topic }) => `${verdict} ${topic}`);

test("quorum queues outlive a machine, classic ones do not", () => {
  expect(verdicts("amqp://mq/?queueType=quorum")).toEqual(["ok persistence", "ok timeouts", "ok version"]);
  expect(verdicts("amqp://mq/")).toEqual(["warning persistence", "ok timeouts", "ok version"]);
});

test("a queue that is not as it would be declared, and a heartbeat that comes late, are told", () => {
  const drift = { queue: "mail", ours: {}, told: "PRECONDITION_FAILED - inequivalent arg 'durable'" };
  expect(verdicts("amqp://mq/?queueType=quorum&heartbeat=600", [drift])).toEqual([
    "ok persistence",
    "warning persistence",
    "warning timeouts",
    "ok version",
  ]);
});
