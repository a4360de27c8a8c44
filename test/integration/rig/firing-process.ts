/** A scheduler that is killed while it fires one tick: before its message leaves for the broker, or after the broker has it. */

import { coreOf, createApp } from "../../../src/app/app.ts";
import { tickMessage, tickSchedule, tickTime } from "./tick-message.ts";

const [broker = "", results = "", when = ""] = process.argv.slice(2);
const backend = await coreOf(createApp({ broker, results })).connect();
const publish = backend.broker.publish.bind(backend.broker);
const die = (): void => void process.kill(process.pid, "SIGKILL");
backend.broker.publish = async (batch, signal) => {
  if (when === "before") die();
  const answers = await publish(batch, signal);
  if (when === "after") die();
  return answers;
};
const term = await backend.lease?.acquire("firing", String(process.pid), 4_000);
if (term === undefined) throw new Error("somebody leads");
await backend.lease?.fire(term, tickSchedule, tickTime, [tickMessage(`tick-${when}`)]);
