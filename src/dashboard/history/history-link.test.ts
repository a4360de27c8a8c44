/** The history on its thread: it answers as it does without, outlives nothing it should not, and is never in the caller's way. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../clock/clock.ts";
import { clusterEvents } from "./fixtures/stream.ts";
import { History } from "./history.ts";
import { HistoryLink } from "./history-link.ts";

/** The events are of no certain year. */
const ages = 1e13;
let folder: string;
let path: string;
const warnings: string[] = [];
let link: HistoryLink | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "celeriac-history-"));
  path = join(folder, "history.db");
});
afterEach(async () => {
  await link?.close();
  link = undefined;
  warnings.length = 0;
  rmSync(folder, { recursive: true });
});

async function openLink(limit?: number): Promise<HistoryLink> {
  const warn = ({ code }: { readonly code: string }): void => void warnings.push(code);
  link = await HistoryLink.open({
    path,
    clock: systemClock,
    warn,
    maxAge: ages,
    ...(limit !== undefined && { limit }),
  });
  return link;
}

test("it answers what the history answers", async () => {
  const events = clusterEvents(300, 5);
  const here = new History({ path: ":memory:", clock: systemClock, maxAge: ages });
  const there = await openLink();
  for (const history of [here, there]) {
    for (let index = 0; index < events.length; index += 100)
      history.ingest({ events: events.slice(index, index + 100), missed: 0 });
  }
  const at = Math.round((events[500]?.timestamp ?? 0) * 1000);
  const query = { at, limit: 100, state: ["running", "succeeded"] as const };
  const page = await there.tasks(query);
  expect(page.items.length).toBeGreaterThan(10);
  expect(page.items).toEqual(here.tasks(query).items);
  expect((await there.counts({ at })).states).toEqual(here.counts({ at }).states);
  const id = page.items[0]?.id ?? "";
  expect((await there.task(id))?.attempts).toEqual(here.task(id)?.attempts);
  expect(await there.task("nobody")).toBeUndefined();
  expect(await there.facts()).toMatchObject({ events: events.length, recording: true });
  here.close();
});

test("what was told before it was closed is there when it is opened again", async () => {
  const first = await openLink();
  first.ingest({ events: clusterEvents(50, 1), missed: 0 });
  await first.close();
  await expect(first.names()).rejects.toMatchObject({ code: "BACKEND_REFUSED" });
  const second = await openLink();
  expect((await second.counts({})).total).toBeGreaterThan(40);
});

test("a file that is not to be touched is refused with its code, a damaged one is a warning", async () => {
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE customers (name TEXT)");
  other.close();
  await expect(openLink()).rejects.toMatchObject({ code: "DATABASE_FOREIGN", details: { path } });
  rmSync(path);
  writeFileSync(path, "no database at all\n".repeat(300));
  await openLink();
  expect(warnings).toEqual(["HISTORY_DAMAGED"]);
});

test("what is more than the thread can take is let go, and is a gap", async () => {
  const events = clusterEvents(300, 2);
  const history = await openLink(events.length * 2);
  for (let round = 0; round < 3; round++) history.ingest({ events, missed: 0 });
  await history.facts();
  history.ingest({ events: [], missed: 0 });
  const { gaps } = await history.tasks({ from: 0 });
  expect(gaps).toMatchObject([{ why: "lost" }]);
  expect((await history.facts()).events).toBe(events.length * 2);
});
