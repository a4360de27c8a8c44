/** A producer that is killed when it has sent some members of a chord: its body and its error callback have these ids. */

import { coreOf } from "../../../src/app/app.ts";
import { chord } from "../../../src/index.ts";
import { app } from "./app.ts";

const [folder = "", body = "", errback = "", members = "0", sent = "0"] = process.argv.slice(2);
const { broker, store } = await coreOf(app).connect();
const publish = broker.publish.bind(broker);
broker.publish = async (batch, signal) => {
  await publish(batch.slice(0, Number(sent)), signal);
  process.kill(process.pid, "SIGKILL");
  return [];
};
if (store.joins !== undefined) {
  const open = store.joins.open.bind(store.joins);
  // Its own deadlines are those of a busy network.
  store.joins.open = (joins) => open(joins.map((join) => ({ ...join, sending: 300 })));
}
const scene = { folder };
const told = app.signature("gather", scene).set({ id: errback });
await app.delay(
  chord(
    Array.from({ length: Number(members) }, (_, n) => app.signature("pair", n, n)),
    app
      .signature("gather", scene)
      .set({ id: body })
      .linkError(told as never),
  ) as never,
);
