/** Names and figures of tasks for who is confined to some queues. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { hashPassword } from "../access/password.ts";
import type { Names } from "../contract.ts";
import { type Asked, Stage } from "../fixtures/stage.ts";

let stage: Stage;

beforeAll(async () => {
  const password = await hashPassword("word", 10);
  const user = (name: string) => ({ name, role: "view" as const, password });
  stage = new Stage(undefined, { login: { users: [user("ann"), { ...user("confined"), queues: ["mail"] }] } });
  await stage.page.start();
  for (const queue of ["mail", "money"]) {
    stage.app.task(`declared.${queue}`, { queue }, () => "done");
    await stage.app.remote<() => void>(`seen.${queue}`, { queue }).delay();
  }
  const both = ({ tasks }: Names): boolean => ["seen.mail", "seen.money"].every((name) => tasks.includes(name));
  await stage.until<Names>("/api/names", both, as("ann"));
});
afterAll(() => stage[Symbol.asyncDispose]());

test("who is confined is told the names of tasks of their own queues alone", async () => {
  const { tasks, queues } = await stage.get<Names>("/api/names", as("confined"));
  expect(tasks.toSorted()).toEqual(["declared.mail", "seen.mail"]);
  expect(queues).toEqual(["mail"]);
  expect(await stage.get("/flower/api/task/types", as("confined"))).toEqual({ "task-types": ["seen.mail"] });
  expect((await stage.get<Names>("/api/names", as("ann"))).tasks).toHaveLength(4);
});

test("who is confined is shown figures of no other queue's task", async () => {
  const statusOf = async (path: string, who: string): Promise<number> => (await stage.ask(path, as(who))).status;
  for (const kind of ["declared", "seen"]) {
    expect(await statusOf(`/api/series?task=${kind}.mail`, "confined")).toBe(200);
    expect(await statusOf(`/api/series?task=${kind}.money`, "confined")).toBe(403);
    expect(await statusOf(`/api/series?task=${kind}.money`, "ann")).toBe(200);
  }
  expect(await statusOf("/api/series?task=made.up", "confined")).toBe(403);
  expect(await statusOf("/api/series?task=made.up", "ann")).toBe(200);
});

function as(name: string): Asked {
  return { headers: { authorization: `Basic ${Buffer.from(`${name}:word`).toString("base64")}` } };
}
