/** A worker that is killed over a chord: when it is about to send the body, or when it has sent it and not closed the chord. */

import { coreOf } from "../../../src/app/app.ts";
import { app } from "./app.ts";

const [body = "", when = ""] = process.argv.slice(2);
const { broker, store } = await coreOf(app).connect();
const die = (): void => void process.kill(process.pid, "SIGKILL");

if (when === "before the body") {
  const publish = broker.publish.bind(broker);
  broker.publish = async (batch, signal) => {
    if (batch.some(({ message }) => message.headers["id"] === body)) die();
    return publish(batch, signal);
  };
} else if (store.joins !== undefined) store.joins.close = async () => die();

await app.work({ pool: "inline", concurrency: 4, lease: "1200ms", sweep: "200ms" });
