/** `celeriac requeue`: tasks put back from the command line. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type App, createApp } from "../../src/index.ts";
import { celeriac, type Finished } from "../server/command-line.ts";

let folder: string;
let url: string;
let app: App;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "celeriac-requeue-"));
  url = `sqlite:${join(folder, "queue.db")}`;
  app = createApp({ name: "shop", broker: url });
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<Finished> => celeriac(["requeue", ...args, "--broker", url], {});
const idsIn = async (queue: string): Promise<readonly string[]> =>
  (await app.queues.browse(queue, "ready", undefined, 50)).items.map(
    ({ raw }) => (JSON.parse(Buffer.from(raw).toString()) as { headers: { id: string } }).headers.id,
  );

test("puts what waits to the front or the end, wherever it lies, and says what it was", async () => {
  const mail = app.remote("mail.send", { queue: "mail" });
  for (const id of ["a", "b", "c"]) await mail.enqueue([], { id });
  await mail.enqueue([], { id: "later", delay: "1h" });
  expect(await run("c", "b")).toMatchObject({
    code: 0,
    stdout: 'c  waited in "mail", and is at the front of "mail"\nb  waited in "mail", and is at the front of "mail"\n',
  });
  expect(await idsIn("mail")).toEqual(["c", "b", "a"]);
  const missing = await run("c", "nobody", "later", "--back", "--json");
  expect([missing.code, JSON.parse(missing.stdout)]).toEqual([
    1,
    {
      requeued: [
        { id: "c", queue: "mail", was: "ready" },
        { id: "later", queue: "mail", was: "delayed", unchanged: true },
      ],
      missing: ["nobody"],
    },
  ]);
  expect(await idsIn("mail")).toEqual(["b", "a", "c"]);
  expect(await run("a", "later", "--to", "slow")).toMatchObject({
    code: 0,
    stdout: 'a  waited in "mail", and is at the front of "slow"\nlater  is not due yet, and waits in "slow"\n',
  });
  expect([await idsIn("mail"), await idsIn("slow")]).toEqual([["b", "c"], ["a"]]);
  expect(await run("a", "--queue", "mail")).toMatchObject({ code: 1, stdout: "a  not found\n" });
});
