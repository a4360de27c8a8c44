/** Workflows on the dashboard, from a real worker's events: what is one workflow, what is planned, and what waits for what. */

import { afterEach, beforeEach, expect, test } from "vitest";
import { chain, chord, group } from "../index.ts";
import type { WorkerList, WorkflowGraph, WorkflowPage } from "./contract.ts";
import { Stage } from "./fixtures/stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = new Stage();
  await stage.page.start();
});
afterEach(() => stage[Symbol.asyncDispose]());

/** Nobody takes from the queue `later`. */
const later = (name: string) => stage.app.remote<(input: unknown) => number>(name, { queue: "later" });

async function work(): Promise<void> {
  await stage.work();
  await stage.until<WorkerList>("/api/workers", ({ items }) => items.some(({ online }) => online));
}

const nodesOf = (graph: WorkflowGraph): readonly string[] =>
  graph.nodes
    .map((node) => {
      if (node.kind === "task") return `${node.row.task ?? ""} ${node.row.state}`;
      return node.kind === "planned" ? `${node.task} planned` : `${node.task ?? ""} × ${String(node.total)}`;
    })
    .toSorted((a, b) => (a < b ? -1 : 1));

/** "a → b", with the names of tasks; "⇒" where it joins. */
const edgesOf = ({ nodes, edges }: WorkflowGraph): readonly string[] => {
  const names = new Map(nodes.map((node) => [node.id, (node.kind === "task" ? node.row.task : node.task) ?? ""]));
  return edges
    .map(({ from, to, kind }) => `${names.get(from) ?? ""} ${kind === "joins" ? "⇒" : "→"} ${names.get(to) ?? ""}`)
    .toSorted((a, b) => (a < b ? -1 : 1));
};

async function only(fits: (graph: WorkflowGraph) => boolean): Promise<WorkflowGraph> {
  const { items } = await stage.until<WorkflowPage>("/api/workflows", ({ items }) => items.length === 1);
  return stage.until<WorkflowGraph>(`/api/workflows/${items[0]?.root ?? ""}`, fits);
}

test("the steps of a chain that are not sent yet are planned", async () => {
  const first = stage.app.task("first", (n: number) => n);
  await work();
  await stage.app.delay(chain(later("second").si(1), later("third").s(), later("fourth").s()));
  const waiting = await only(({ nodes }) => nodes.length === 3);
  expect(nodesOf(waiting)).toEqual(["fourth planned", "second queued", "third planned"]);
  expect(edgesOf(waiting)).toEqual(["second → third", "third → fourth"]);
  expect(waiting.blockedBy.map(({ text }) => text)).toEqual(["second is queued in later"]);
  expect(waiting).toMatchObject({ total: 1, states: { queued: 1 } });
  await stage.app.delay(chain(first.si(1), later("next").s()));
  const { items } = await stage.until<WorkflowPage>("/api/workflows", ({ items }) => items.length === 2);
  const root = items.find(({ task }) => task === "first")?.root ?? "";
  const sent = await stage.until<WorkflowGraph>(`/api/workflows/${root}`, ({ total }) => total === 2);
  expect(nodesOf(sent)).toEqual(["first succeeded", "next queued"]);
  expect(edgesOf(sent)).toEqual(["first → next"]);
});

test("a chord that nobody's task has sent is one workflow, with its body planned, then sent", async () => {
  const add = stage.app.task("add", (n: number) => n);
  const end = Promise.withResolvers<number>();
  const slow = stage.app.task("slow", (_: number) => end.promise);
  await work();
  await stage.app.delay(chord(group([add.si(1), slow.si(2)]), later("body").s()));
  const open = await only(({ states }) => states.succeeded === 1 && states.running === 1);
  expect(nodesOf(open)).toEqual(["add succeeded", "body planned", "slow running"]);
  expect(edgesOf(open)).toEqual(["add ⇒ body", "slow ⇒ body"]);
  expect(open.blockedBy.map(({ text }) => text)).toEqual(["slow is running on w1@here"]);
  end.resolve(2);
  const done = await only(({ states }) => states.queued === 1);
  expect(nodesOf(done)).toEqual(["add succeeded", "body queued", "slow succeeded"]);
  expect(edgesOf(done)).toEqual(["add ⇒ body", "slow ⇒ body"]);
  const body = done.nodes.find((node) => node.kind === "task" && node.row.task === "body");
  const again = await stage.get<WorkflowGraph>(`/api/workflows/${body?.kind === "task" ? (body.row.root ?? "") : ""}`);
  expect(nodesOf(again)).toEqual(nodesOf(done));
});

test("chains in a chord, and a chord in a chain, are one workflow each", async () => {
  const add = stage.app.task("add", (n: number) => n);
  const double = stage.app.task("double", (n: number) => 2 * n);
  await work();
  await stage.app.delay(
    chain(
      chord(group([chain(add.si(1), double.s()), chain(add.si(2), double.s())]), later("body").s()),
      later("end").s(),
    ),
  );
  const graph = await only(({ states }) => states.succeeded === 4 && states.queued === 1);
  expect(nodesOf(graph)).toEqual([
    "add succeeded",
    "add succeeded",
    "body queued",
    "double succeeded",
    "double succeeded",
    "end planned",
  ]);
  expect(edgesOf(graph)).toEqual(["add → double", "add → double", "body → end", "double ⇒ body", "double ⇒ body"]);
  expect(graph.total).toBe(5);
});

test("as of then, what was planned then", async () => {
  const first = stage.app.task("first", (n: number) => n);
  await stage.app.delay(chain(first.si(1), later("next").s()));
  const before = await only(({ nodes }) => nodes.length === 2);
  await work();
  await only(({ states }) => states.succeeded === 1);
  const then = await stage.get<WorkflowGraph>(`/api/workflows/${before.root}?at=${String(before.at)}`);
  expect(nodesOf(then)).toEqual(["first queued", "next planned"]);
});
