/** The far side of the tool chain's test: answers with what it got and where it runs. Syntax here needs type stripping. */

import { parentPort } from "node:worker_threads";

interface Ping {
  readonly text: string;
}
type Pong = Ping & { readonly where: "child" | "thread" };

const answer = (ping: Ping, where: Pong["where"]): Pong => ({ ...ping, where });

if (parentPort === null) process.on("message", (ping: Ping) => process.send?.(answer(ping, "child")));
else {
  const port = parentPort;
  port.on("message", (ping: Ping) => port.postMessage(answer(ping, "thread")));
}
