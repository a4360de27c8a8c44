/** Schedules for who is confined to some queues, and what became of their runs under the redaction. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { every } from "../../index.ts";
import { hashPassword } from "../access/password.ts";
import type { ScheduleList } from "../contract.ts";
import { type Asked, Stage } from "../fixtures/stage.ts";

const canary = "sk-canary-2342";

describe("runs of two queues' schedules", () => {
  let stage: Stage;

  beforeAll(async () => {
    const password = await hashPassword("word", 10);
    const user = (name: string) => ({ name, role: "view" as const, password });
    stage = new Stage(undefined, {
      redact: (text) => text.replaceAll(canary, "***"),
      login: { users: [user("ann"), { ...user("confined"), queues: ["mail"] }] },
    });
    const { app } = stage;
    await stage.page.start();
    const fails = (name: string, queue: string) =>
      app.task(name, { queue }, (_input: { key: string }) => {
        throw new Error(`no such key: ${canary}`);
      });
    app.schedule("of mail", every("500ms"), fails("send", "mail").si({ key: `mail ${canary}` }));
    app.schedule("of money", every("500ms"), fails("pay", "money").si({ key: `money ${canary}` }));
    // Its task is declared for one queue, and it is sent to another.
    app.schedule("moved", every("500ms"), fails("move", "mail").si({ key: "x" }).set({ queue: "money" }));
    await stage.work({ queues: ["mail", "money"] });
    await using beat = await app.beat({ log: "silent" });
    void beat;
    const failed = ({ items }: ScheduleList): boolean =>
      ["of mail", "of money", "moved"].every((name) =>
        items.some((row) => row.name === name && row.ticks.some((tick) => tick.row?.state === "failed")),
      );
    await stage.until<ScheduleList>("/api/schedules", failed, as("ann"));
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  test("are covered by the redaction like every other row", async () => {
    const text = JSON.stringify(await stage.get("/api/schedules", as("ann")));
    expect(text).toContain("no such key: ***");
    expect(text).toContain("mail ***");
    expect(text).not.toContain(canary);
  });

  test("are shown to who is confined for their own queues alone", async () => {
    const all = await stage.get<ScheduleList>("/api/schedules", as("ann"));
    expect(all.items.map(({ name }) => name).toSorted()).toEqual(["moved", "of mail", "of money"]);
    const mine = await stage.get<ScheduleList>("/api/schedules", as("confined"));
    expect(mine.items.map(({ name }) => name)).toEqual(["of mail"]);
    expect(mine.items[0]?.ticks.some(({ row }) => row?.queue === "mail")).toBe(true);
    expect(JSON.stringify(mine)).not.toContain("money");
  });
});

function as(name: string): Asked {
  return { headers: { authorization: `Basic ${Buffer.from(`${name}:word`).toString("base64")}` } };
}
