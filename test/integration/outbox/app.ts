/** The app of a relay's process; where its places are is told by the environment. */

import { coreOf } from "../../../src/app/app.ts";
import { createApp } from "../../../src/index.ts";
import { createOutbox } from "../../../src/outbox/index.ts";
import { placeOf } from "./place.ts";

const said = (name: string): string => process.env[name] ?? "";
const results = said("OUTBOX_RESULTS");
export const app = createApp({ broker: said("OUTBOX_BROKER"), ...(results !== "" && { results }) });
const place = placeOf(said("OUTBOX_PLACE"));

/** Database and broker are slow, so that a relay that is killed dies between two steps, and not while it waits for rows. */
const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 15));

async function slowDown(): Promise<void> {
  const { broker } = await coreOf(app).connect();
  const publish = broker.publish.bind(broker);
  Object.assign(broker, {
    publish: async (...call: Parameters<typeof publish>) => {
      await aWhile();
      return publish(...call);
    },
  });
}

export const outbox = createOutbox(app, {
  dialect: place.dialect,
  async connect() {
    await slowDown();
    const connection = await place.connect();
    return {
      close: (error) => connection.close(error),
      async query(sql, params) {
        if (sql.startsWith("DELETE")) await aWhile();
        return connection.query(sql, params);
      },
    };
  },
});
