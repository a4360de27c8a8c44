/** What workers say of themselves in Flower's API and on their own pages, to who is confined to some queues and under the redaction. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashPassword } from "../access/password.ts";
import type { WorkerDetail } from "../contract.ts";
import { type Asked, Stage } from "../fixtures/stage.ts";
import { type Showing, shownAnswer } from "./shown-answer.ts";

const canary = "sk-canary-0815";
const over = (text: string): string => text.replaceAll(canary, "***");
const ann: Showing = { viewer: { name: "ann", role: "view" }, redact: over, known: () => true };
const confined: Showing = {
  viewer: { name: "confined", role: "view", queues: ["mail"] },
  redact: over,
  known: (task) => task === "of.mail",
};

describe("while a task of each of two queues runs", () => {
  let stage: Stage;
  const gate = Promise.withResolvers<void>();
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    const password = await hashPassword("word", 10);
    const user = (name: string) => ({ name, role: "view" as const, password });
    stage = new Stage(undefined, {
      redact: over,
      login: { users: [user("ann"), { ...user("confined"), queues: ["mail"] }] },
    });
    await stage.page.start();
    for (const queue of ["mail", "money"]) {
      const task = stage.app.task(`of.${queue}`, { queue }, async (_input: { key: string }) => gate.promise);
      ids[queue] = (await task.delay({ key: `${queue} ${canary}` })).id;
    }
    await stage.work({ concurrency: 4, queues: ["mail", "money"] });
    const both = (answer: Answers): boolean => (answer["w1@here"]?.active.length ?? 0) === 2;
    await stage.until<Answers>("/flower/api/workers", both, as("ann"));
  });
  afterAll(async () => {
    gate.resolve();
    await stage[Symbol.asyncDispose]();
  });

  test("Flower's workers tell who is confined of no other queue's task, and show no argument that is redacted", async () => {
    for (const path of ["/flower/api/workers", "/api/workers", "/api/workers?workername=w1@here"]) {
      const asked = { ...as("confined"), headers: { ...as("confined").headers, accept: "*/*" } };
      const said = (await stage.get<Answers>(path, asked))["w1@here"];
      expect(said?.active.map(({ id }) => id)).toEqual([ids["mail"]]);
      expect(JSON.stringify(said)).not.toMatch(/money (?:sk|\*)/);
      expect(said?.active_queues.map(({ name }) => name)).toEqual(["mail"]);
      expect([said?.conf, said?.revoked]).toEqual([{}, []]);
      expect(JSON.stringify(said?.active)).toContain("mail ***");
      const all = (await stage.get<Answers>(path, { headers: { ...as("ann").headers, accept: "*/*" } }))["w1@here"];
      expect(all?.active).toHaveLength(2);
      expect(all?.conf).toHaveProperty("worker_pool");
      expect(JSON.stringify(all)).not.toContain(canary);
    }
  });

  test("a worker's page tells who is confined of another queue's task only that it has a slot", async () => {
    const slotsFor = async (who: string): Promise<object[]> => {
      const { children } = await stage.get<WorkerDetail>("/api/workers/w1%40here", as(who));
      return children.flatMap(({ slots }) => slots);
    };
    expect(await slotsFor("ann")).toHaveLength(2);
    const mine = await slotsFor("confined");
    expect(mine).toHaveLength(2);
    expect(mine).toContainEqual({ hidden: true });
    expect(mine).toContainEqual(expect.objectContaining({ id: ids["mail"], task: "of.mail" }));
  });
});

describe("answers as Celery's workers write them", () => {
  const request = (queue: string) => ({
    id: queue,
    name: "shown.as",
    type: "tasks.charge",
    args: [1, `${queue} ${canary}`],
    kwargs: { card: canary },
    delivery_info: { exchange: "", routing_key: queue, priority: 0, redelivered: false },
  });

  test("reserved and scheduled tasks of other queues are left out, and arguments covered whatever their shape", () => {
    const seen: unknown[] = [];
    const redact = (text: string, what: object): string => {
      seen.push(what);
      return over(text);
    };
    const reserved = shownAnswer("reserved", [request("mail"), request("money"), { id: "of nowhere" }], {
      ...confined,
      redact,
    });
    expect(reserved).toEqual([{ ...request("mail"), args: [1, "mail ***"], kwargs: { card: "***" } }]);
    expect(seen).toEqual([
      { kind: "args", task: "tasks.charge" },
      { kind: "kwargs", task: "tasks.charge" },
    ]);
    const later = (queue: string) => ({ eta: "2026-12-01T00:00:00", priority: 6, request: request(queue) });
    const scheduled = shownAnswer("scheduled", [later("money"), later("mail")], confined);
    expect(scheduled).toMatchObject([{ priority: 6, request: { id: "mail", kwargs: { card: "***" } } }]);
    const printed = { ...request("mail"), args: `(1, '${canary}')`, kwargs: "{}" };
    expect(shownAnswer("active", [printed], ann)).toMatchObject([{ args: "(1, '***')", kwargs: "{}" }]);
    // What is no JSON any more stays text.
    expect(shownAnswer("active", [request("mail")], { ...ann, redact: () => "gone" })).toMatchObject([
      { args: "gone" },
    ]);
    expect(shownAnswer("active", [request("money")], { ...ann, redact: (text) => text })).toEqual([request("money")]);
  });

  test("of tasks that run in other queues not even the names are told", () => {
    const lines = ["of.mail", "of.money [rate_limit=1/s]", "of.mail [rate_limit=10/m]"];
    expect(shownAnswer("registered", lines, confined)).toEqual(["of.mail", "of.mail [rate_limit=10/m]"]);
    const stats = { pid: 1, total: { "of.mail": 2, "of.money": 3 } };
    expect(shownAnswer("stats", stats, confined)).toEqual({ pid: 1, total: { "of.mail": 2 } });
    expect(shownAnswer("stats", stats, ann)).toBe(stats);
  });

  test("an error in the place of a list is covered as one", () => {
    expect(shownAnswer("reserved", { error: `KeyError('${canary}')` }, confined)).toEqual({
      error: "KeyError('***')",
    });
    expect(shownAnswer("active", { [canary]: 1 }, confined)).toEqual({ error: '{"***":1}' });
  });
});

interface Answers {
  readonly [worker: string]: {
    readonly active: readonly { readonly id: string }[];
    readonly active_queues: readonly { readonly name: string }[];
    readonly conf: object;
    readonly revoked: readonly string[];
  };
}

function as(name: string): Asked {
  return { headers: { authorization: `Basic ${Buffer.from(`${name}:word`).toString("base64")}` } };
}
