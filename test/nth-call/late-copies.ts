/**
 * RabbitMQ shows neither what is delayed nor what is unacknowledged: what was left there is seen when it is due and nobody holds it. Copies
 * may come then, for a message that was sent twice lies there twice; a worker must find nothing to run in them.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { RabbitServer } from "../server/rabbitmq-server.ts";
import { expected, play, queueOf } from "./scenario.ts";

/** The longest delay of the scenario is a second; this is for a busy machine. */
const patience = 60_000;

/** What is wrong with what the rounds at `places` left, all of which have ended. */
export async function lateCopies(rabbit: RabbitServer, places: readonly string[]): Promise<string[]> {
  const wrong: string[] = [];
  const full = await settled(rabbit);
  const all = new Set(Object.keys(expected));
  const late = places.filter((place) => full.has(queueOf(place)));
  await Promise.all(
    late.map(async (place) => {
      const queue = queueOf(place);
      const note = (line: string): void => void wrong.push(`late at ${queue}: ${line}`);
      await play(place, note, all, false, () => empty(rabbit, queue)).catch((error: unknown) => note(String(error)));
    }),
  );
  return wrong;
}

/** The server counts what a worker holds as well, which looks at a message that comes again for a moment before it lets go of it. */
async function empty(rabbit: RabbitServer, queue: string): Promise<void> {
  for (const deadline = performance.now() + patience; (await settled(rabbit)).has(queue);)
    if (performance.now() > deadline) throw new Error("left over at last");
}

/** Names of the queues that have messages when none is delayed any more. */
async function settled(rabbit: RabbitServer): Promise<ReadonlySet<string>> {
  for (const deadline = performance.now() + patience; ;) {
    const listed = (await rabbit.ctl("list_queues", "-s", "name", "messages")).split("\n");
    const full = new Set(listed.filter((line) => /\t[1-9]\d*$/u.test(line)).map((line) => line.split("\t")[0] ?? ""));
    const delayed = [...full].filter((queue) => queue.startsWith("celery_delayed_"));
    if (delayed.length === 0) return full;
    if (performance.now() > deadline) throw new Error(`delayed for ever: ${delayed.join(", ")}`);
    // A level lets its messages go on the second.
    await sleep(500);
  }
}
