/** Sound inputs: what real Celery wrote, and what we write ourselves. */

import { readdirSync, readFileSync } from "node:fs";
import { writeProperties } from "../../src/driver/rabbitmq/amqp/properties.ts";
import { decodeEnvelope, encodeEnvelope } from "../../src/wire/envelope.ts";
import type { Message } from "../../src/wire/message.ts";
import { makeTaskMessage } from "../../src/wire/task-message.ts";
import { writtenBy } from "./target.ts";

const folder = new URL("../../src/wire/fixtures/", import.meta.url);

/** Every text of a capture that is JSON of its own. */
function textsOf(kind: string): readonly string[] {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value === "string") {
      if (/^[[{]/.test(value)) found.add(value);
    } else if (typeof value === "object" && value !== null) Object.values(value).forEach(visit);
  };
  for (const file of readdirSync(folder).filter((name) => name.endsWith(`${kind}.json`)))
    visit(JSON.parse(readFileSync(new URL(file, folder), "utf8")));
  return [...found];
}

const add = { task: "t.add", args: [1], kwargs: {}, options: {}, subtask_type: null, immutable: false };

/** One of everything that a message can have. */
export const fullMessage: Message = makeTaskMessage({
  task: "t.known",
  id: "0190c2d2-7f00-7000-8000-000000000001",
  args: [1, "ü", [null, 1.5]],
  kwargs: { when: new Date(0), deep: { a: [{ b: 2n ** 70n }] } },
  embed: { callbacks: [add], errbacks: [add], chain: [add, add], chord: add },
  eta: 1_790_000_000_000,
  expires: 1_790_000_100_000,
  retries: 2,
  timeLimit: { hard: 10_000, soft: 5000 },
  group: "g",
  groupIndex: 1,
  priority: 3,
  replyTo: "inbox",
  headers: { tenant: "ann", nested: { a: [1] } },
  stamps: { s: ["a"] },
  full: true,
});

export const envelopes: readonly string[] = [
  ...textsOf("producer").filter((text) => text.startsWith('{"body"')),
  encodeEnvelope(fullMessage, "celery", "tag"),
];
export const messages: readonly Message[] = envelopes
  .map((text) => decodeEnvelope(text))
  .filter((message): message is Message => !("malformed" in message));
export const bodies: readonly Uint8Array[] = messages.map(({ body }) => body);
export const metas: readonly string[] = textsOf("task-meta");
export const events: readonly string[] = textsOf("events");
export const controls: readonly string[] = textsOf("control");
/** The AMQP properties of a dead letter on RabbitMQ. */
export const letterProperties: Uint8Array = writtenBy((out) =>
  writeProperties(out, {
    contentType: "application/json",
    messageId: "m",
    headers: {
      id: "a",
      task: "t",
      "celeriac.letter": '{"key":"1","reason":"crashed","at":1,"attempts":[],"detail":"d"}',
    },
  }),
);
