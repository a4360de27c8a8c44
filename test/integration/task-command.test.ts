/** `celeriac task` and `celeriac doctor ID`: where a task is and why, for people and for scripts. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type App, createApp, type Explanation } from "../../src/index.ts";
import { celeriac, type Finished } from "../server/command-line.ts";

let folder: string;
let url: string;
let app: App;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "celeriac-task-"));
  url = `sqlite:${join(folder, "queue.db")}`;
  app = createApp({ name: "shop", broker: url });
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<Finished> => celeriac([...args, "--broker", url], {});
const parsed = ({ stdout }: Finished): Explanation & { attempts?: unknown[] } =>
  JSON.parse(stdout) as Explanation & { attempts?: unknown[] };

describe("celeriac task and doctor", () => {
  test("tell why a task waits, in words and as the app itself has it", async () => {
    await app.queues.pause("mail");
    const { id } = await app.remote("mail.send", { queue: "mail" }).enqueue([]);
    const [words, task, doctor, own] = await Promise.all([
      run("task", id),
      run("task", id, "--json"),
      run("doctor", id, "--json"),
      app.explain(id),
    ]);
    expect(words).toMatchObject({ code: 4, stderr: "" });
    expect(words.stdout).toBe(
      [
        `id       ${id}`,
        "state    queued",
        "task     mail.send",
        "queue    mail",
        "attempt  1",
        '  because the queue "mail" is paused',
        '          app.queues.resume("mail")',
        '      and no worker takes from the queue "mail"',
        "          start a worker that takes it: celeriac worker --queues mail",
        "",
      ].join("\n"),
    );
    expect(own.reasons.map(({ kind }) => kind)).toEqual(["queue-paused", "no-worker"]);
    expect(parsed(doctor)).toEqual(own);
    expect(parsed(task)).toEqual({ ...own, attempts: [] });
  });

  test("show what led to a dead letter", async () => {
    const hopeless = app.task("hopeless", { retry: { limit: 1, delay: 0 }, queue: "main" }, (): void => {
      throw new RangeError("no\u001b[31m way");
    });
    await using _worker = await app.work({ queues: ["main"], pool: "inline", name: "w@here" });
    const sent = await hopeless.delay();
    await sent.get({ timeout: "60s" }).catch(() => {});
    const [words, task] = await Promise.all([run("task", sent.id), run("task", sent.id, "--json")]);
    expect(words.code).toBe(3);
    expect(words.stdout).toMatch(/because it lies among the dead letters since .* \(exhausted\): RangeError: no.* way/);
    expect(words.stdout).toMatch(/run 1 {2}\d.* {2}w@here \(pid \d+\) {2}RangeError: no/);
    expect(words.stdout).not.toContain("\u001b[31m");
    expect(parsed(task)).toMatchObject({ state: "dead", attempts: [{ attempt: 1 }, { attempt: 2 }] });
  });

  test("say so if nobody knows the id", async () => {
    const told = await run("doctor", "nobody-knows");
    expect(told).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^unknown {2}nobody-knows\n {2}because nobody knows this id/),
    });
  });
});
