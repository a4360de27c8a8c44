/** The ways to send that go through no `enqueue`: a transaction of one's own, an outbox, a schedule. One call in each. */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type App, every } from "../../src/index.ts";
import { createOutbox } from "../../src/outbox/index.ts";
import type { AnySignature } from "../../src/task/signature.ts";
import { openPlace, Reports } from "./outbox/place.ts";

/** Ids of what was sent. `relay` carries what `app` put into its outbox. The app's broker is queue.db in `folder`. */
export type Way = (stage: {
  readonly app: App;
  readonly relay?: App;
  readonly folder: string;
  readonly call: AnySignature;
}) => Promise<string>;

export const otherWays: Readonly<Record<"a transaction" | "an outbox" | "a schedule", Way>> = {
  async "a transaction"({ app, folder, call }) {
    const db = new DatabaseSync(join(folder, "queue.db"), { timeout: 60_000 });
    const queue = await app.within(db);
    db.exec("BEGIN IMMEDIATE");
    const { id } = queue.enqueue(call as Parameters<typeof queue.enqueue>[0]);
    db.exec("COMMIT");
    db.close();
    return id;
  },

  async "an outbox"({ app, relay = app, folder, call }) {
    const place = await openPlace(`sqlite:${join(folder, "shop.db")}`);
    const options = { dialect: "sqlite", connect: () => place.connect() } as const;
    const writing = createOutbox(app, options);
    let id = "";
    await place.transaction(async (query) => {
      ({ id } = await writing.add(query, call as Parameters<typeof writing.add>[1]));
    });
    const reports = new Reports();
    const running = await createOutbox(relay, options).relay({ poll: "20ms", report: reports.take });
    await reports.first("sent");
    await running.stop();
    await place.close();
    return id;
  },

  async "a schedule"({ app, call }) {
    app.schedule("soon", every("100ms"), call as Parameters<App["schedule"]>[2]);
    const first = Promise.withResolvers<string>();
    const beat = await app.beat();
    beat.on("schedule:sent", ({ id }) => first.resolve(id ?? ""));
    const id = await first.promise;
    await beat.stop();
    return id;
  },
};
