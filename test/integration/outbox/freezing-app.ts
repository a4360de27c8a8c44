/**
 * The app of a relay that stops itself with SIGSTOP before or after it publishes, as FREEZE says, and tells how much it published. Its
 * claims last half a second in place of ten or sixty until it has stopped: what lives keeps its rows, also on a busy machine.
 */

import { coreOf } from "../../../src/app/app.ts";
import { createApp } from "../../../src/index.ts";
import { createOutbox } from "../../../src/outbox/index.ts";
import { placeOf } from "./place.ts";

const said = (name: string): string => process.env[name] ?? "";
export const app = createApp({ broker: said("OUTBOX_BROKER") });
const place = placeOf(said("OUTBOX_PLACE"));
let frozen = false;

function freeze(): void {
  if (!frozen) process.kill(process.pid, "SIGSTOP");
  frozen = true;
}

const { broker } = await coreOf(app).connect();
const publish = broker.publish.bind(broker);
broker.publish = async (batch, signal) => {
  if (said("FREEZE") === "before") freeze();
  const answers = await publish(batch, signal);
  console.log(JSON.stringify({ event: "published", count: answers.length }));
  if (said("FREEZE") === "after") freeze();
  return answers;
};

export const outbox = createOutbox(app, {
  dialect: place.dialect,
  async connect() {
    const connection = await place.connect();
    return {
      close: (error) => connection.close(error),
      query(sql, params) {
        if (frozen || said("FREEZE") === "never") return connection.query(sql, params);
        const [holder = "", ...more] = params;
        return sql.includes("SET holder = ?, held = ?")
          ? connection.query(sql, [holder, Date.now() + 500, ...more.slice(1)])
          : connection.query(sql.replace(/(?<=session_timeout = ).*/, "'500ms'"), params);
      },
    };
  },
});
