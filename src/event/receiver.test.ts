/** What a receiver asks of workers, and when it asks again. */

import { expect, test } from "vitest";
import type { Bus, Channel } from "../port/bus.ts";
import { readControlRequest } from "../wire/control-request.ts";
import { eventMessage } from "../wire/event.ts";
import type { Message } from "../wire/message.ts";
import { Receiver } from "./receiver.ts";

test("has workers beat when it comes, and after each gap since which one has beaten", async () => {
  const asked: string[] = [];
  const heard: { take?: (channel: Channel, message: Message) => void; gap?: (missed: number | undefined) => void } = {};
  const bus: Pick<Bus, "listen" | "publish"> = {
    publish: (_, message) => {
      asked.push(readControlRequest(message, "w")?.method ?? "unreadable");
      return Promise.resolve();
    },
    listen: (_, take, gap) => {
      Object.assign(heard, { take, gap });
      return Promise.resolve({ close: () => Promise.resolve() });
    },
  };
  const receiver = new Receiver({ bus, take: () => {} });
  await receiver.open();
  expect(asked).toEqual(["heartbeat"]);
  const beat = eventMessage({ type: "worker-heartbeat", hostname: "w", timestamp: 1, pid: 1, utcoffset: 0, clock: 1 });
  const beats = (): void => heard.take?.({ kind: "event", type: "worker.heartbeat" }, beat);
  heard.gap?.(undefined);
  expect(asked).toHaveLength(1);
  beats();
  heard.gap?.(undefined);
  heard.gap?.(3);
  expect(asked).toEqual(["heartbeat", "heartbeat"]);
  beats();
  await receiver.close();
  heard.gap?.(undefined);
  expect(asked).toHaveLength(2);
});
