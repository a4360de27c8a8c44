/** T13: what is to be covered is covered on every page, in every stream and in every log that the dashboard writes. */

import { expect, test } from "vitest";
import type { AuditPage, DeadLetterPage, MessagePage, TaskPage, WorkerList } from "./contract.ts";
import { Stage } from "./fixtures/stage.ts";
import { routes } from "./http/routes.ts";

const canary = "sk-canary-4711";

test("a secret in arguments, results, errors and log lines is shown nowhere", async () => {
  const kinds = new Set<string>();
  await using stage = new Stage(undefined, {
    redact: (text, { kind }) => {
      kinds.add(kind);
      return text.replaceAll(canary, "***");
    },
  });
  const good = stage.app.task("good", (input: { key: string }, ctx) => {
    ctx.log.info(`used ${input.key}`);
    return { key: input.key };
  });
  const bad = stage.app.task("bad", (input: { key: string }) => {
    throw new Error(`no such key: ${input.key}`);
  });
  await stage.page.start();
  await stage.work({ unknownTaskGrace: "1ms" });
  await stage.until<WorkerList>("/api/workers", ({ items }) => items.some(({ online }) => online));
  const stream = await stage.ask("/api/stream?topics=tasks&topics=overview&topics=queues&topics=workers&topics=dead");
  const [ok, failed] = [(await good.delay({ key: canary })).id, (await bad.delay({ key: canary })).id];
  await stage.app.remote<(key: string) => void>("unknown").delay(canary);
  await stage.app.remote<(key: string) => void>("waiting", { queue: "slow" }).delay(canary);
  await stage.until<TaskPage>("/api/tasks?state=succeeded,failed", ({ items }) => items.length >= 2);
  await stage.until<DeadLetterPage>("/api/dead", ({ items }) => items.length === 1);
  await stage.act({
    do: "task.edit-and-run",
    id: ok,
    task: "good",
    args: "[]",
    kwargs: JSON.stringify({ key: canary }),
  });
  const [waiting] = (await stage.get<MessagePage>("/api/queues/slow/messages")).items;
  const [dead] = (await stage.get<DeadLetterPage>("/api/dead")).items;
  const ids = [ok, failed, waiting?.id ?? "", dead?.id ?? ""];
  const paths = routes
    .filter(({ method, path }) => method === "GET" && path !== "/api/stream")
    .flatMap(({ path }) => {
      if (path.includes(":worker") || path.endsWith("workers/:name")) return [path.replace(/:\w+/, "w1%40here")];
      if (path.includes(":name")) return ["slow", "celery"].map((name) => path.replace(":name", name));
      return /:(?:id|root)/.test(path) ? ids.map((id) => path.replace(/:\w+/, id)) : [path];
    });
  for (const accept of ["application/json", "*/*"]) {
    await Promise.all(
      paths.map(async (path) => {
        const text = await (await stage.ask(path, { headers: { accept } })).text();
        expect(text.includes(canary), path).toBe(false);
      }),
    );
  }
  const reader = stream.body?.getReader();
  let heard = "";
  while (!heard.includes('"type":"tasks"')) heard += new TextDecoder().decode((await reader?.read())?.value);
  await reader?.cancel();
  expect(heard).not.toContain(canary);
  expect(JSON.stringify((await stage.get<AuditPage>("/api/audit")).items)).toContain("***");
  expect([...kinds].toSorted()).toEqual(["args", "error", "kwargs", "log", "message", "request", "result"]);
});
