/** What can be known of a RabbitMQ without its management: what we declare there, what the URL says of it, and who it is. */

import type { Check } from "../../port/check.ts";
import type { Drift } from "./declarations.ts";
import type { Location } from "./location.ts";

/** Celery's own default; above it a worker holds tasks for minutes after its machine has died. */
const latestHeartbeat = 120_000;

export function examine(location: Location, version: string, drifts: readonly Drift[]): readonly Check[] {
  return [
    ...keeping(location, drifts),
    liveness(location),
    { topic: "version", verdict: "ok", text: `RabbitMQ ${version}` },
  ];
}

function keeping({ queueType }: Location, drifts: readonly Drift[]): readonly Check[] {
  const topic = "persistence";
  const kept: Check =
    queueType === "quorum"
      ? {
          topic,
          verdict: "ok",
          text: "queues are declared as durable quorum queues: they survive the loss of a machine",
        }
      : {
          topic,
          verdict: "warning",
          text: "queues are declared as durable classic queues: they survive a restart, and are gone with the disk of their machine",
          remedy:
            "In a cluster add ?queueType=quorum to the URL, for new queues; a single machine needs a backup of its disk.",
        };
  return [
    kept,
    ...drifts.map(({ queue, told }): Check => {
      const text = `queue ${queue} is not as this app declares it: ${told}`;
      return {
        topic,
        verdict: "warning",
        text,
        remedy: "Set queueType and maxPriority in the URL as they are on the server.",
      };
    }),
  ];
}

function liveness({ heartbeat }: Location): Check {
  const text = `heartbeat of ${String(heartbeat / 1000)} s: a machine that has died is noticed within twice that`;
  if (heartbeat <= latestHeartbeat) return { topic: "timeouts", verdict: "ok", text };
  return { topic: "timeouts", verdict: "warning", text, remedy: "Leave ?heartbeat= out of the URL." };
}
