/**
 * A worker that is killed over what follows: when it is about to send the body of a chord, when it has sent it and not closed the chord, or
 * when it is about to store a failure for what waits for the task that failed.
 */

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
} else if (when === "before what waits has failed") {
  const commit = store.commit.bind(store);
  store.commit = async (batch) => {
    if (batch.some(({ id }) => id === body)) die();
    return commit(batch);
  };
} else if (store.joins !== undefined) store.joins.close = async () => die();

await app.work({ pool: "inline", concurrency: 4, lease: "1200ms", sweep: "200ms" });
