/** What becomes of a message of the bus that cannot be written in time. */

import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, it } from "vitest";
import type { Channel } from "../../port/bus.ts";
import type { Message } from "../../wire/message.ts";
import { Bench } from "./fixtures/harness.ts";

const bench = new Bench();
afterEach(() => bench.clear());

const message: Message = {
  headers: {},
  properties: {},
  contentType: "application/json",
  contentEncoding: "utf-8",
  body: new TextEncoder().encode("{}"),
};

// It ended as if it had been sent, and whoever had told a worker to leave a queue waited for it in vain.
it("a command that is not written is not sent, and says so; an event is let go", async () => {
  const path = bench.file();
  const backend = await bench.open(path);
  const command: Channel = { kind: "control", namespace: "celery" };
  const heard: string[] = [];
  for (const channel of [command, { kind: "event", type: "#" } as const])
    await backend.bus.listen(
      channel,
      ({ kind }) => heard.push(kind),
      () => {},
    );
  const other = new DatabaseSync(`${path}-bus`);
  other.exec("BEGIN IMMEDIATE");
  await expect(backend.bus.publish(command, message)).rejects.toThrow(/locked/);
  await backend.bus.publish({ kind: "event", type: "task.multi" }, message);
  other.exec("COMMIT");
  other.close();
  await backend.bus.publish(command, message);
  await expect.poll(() => heard).toEqual(["control"]);
});
