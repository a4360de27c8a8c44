/** Workflows that handlers start, in the pools whose children hold no connection. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { chain, chord, type WorkerHandle } from "../../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "celeriac-workflow-"));
process.env["WORKFLOW_BROKER"] = `sqlite:${join(folder, "queue.db")}`;
const { app, double, more, split, start, sum, unsendable, wait } = await import("./workflow/app.ts");
const soon = { timeout: "60s" } as const;

afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(["process", "thread"] as const)("in a %s", (pool) => {
  it("handlers start, wait for, return and become workflows", async () => {
    await using _worker: WorkerHandle = await app.work({ pool, processes: 1, concurrency: 4 });
    const replaced = await app.delay(chain(split.si(3), double.s()));
    const started = await start.delay(1);
    const waited = await wait.delay(1);
    const grown = await app.delay(chord([more.si(3), more.si(1)], sum.s()));
    expect(await replaced.get(soon)).toBe(24);
    const handle = app.result(await started.get(soon));
    expect(await handle.get(soon)).toEqual([2, 4]);
    expect((await started.children()).map(({ id }) => id)).toEqual([handle.id]);
    expect(await waited.get(soon)).toMatchObject({ results: [2, 4], progress: { done: 2, failed: 0, total: 2 } });
    expect(await grown.get(soon)).toBe(12);
    const failed = await unsendable.delay(1);
    await expect(failed.get(soon)).rejects.toMatchObject({ details: { code: "NOT_SERIALIZABLE" } });
  });
});
