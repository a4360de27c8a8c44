/** What the pages ask must not grow with the history: no question reads all of its tasks. */

import { afterEach, expect, test, vi } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import { Database } from "./database.ts";
import { History } from "./history.ts";

const now = 1_790_000_000_000;
const looking = vi.spyOn(Database.prototype, "query");
afterEach(() => looking.mockRestore());

// The highest and the lowest row in one question were 0.7 s of three million tasks, before every page and once a second beside.
test("no question reads all tasks", () => {
  const history = new History({ path: ":memory:", clock: new VirtualClock(now) });
  const told = {
    hostname: "w@h",
    utcoffset: 0,
    pid: 1,
    clock: 1,
    uuid: "1",
    name: "t",
    queue: "q",
    args: "()",
    kwargs: "{}",
  };
  history.ingest({ events: [{ ...told, type: "task-received", timestamp: now / 1000 }], missed: 0 });
  const range = { from: now - 300_000, until: now };
  history.facts();
  history.names();
  history.names(["q"]);
  history.tasks({});
  history.tasks({ state: ["failed"], text: "some" });
  history.counts({});
  history.overview(range);
  history.series({ ...range, task: "t" });
  for (const at of [undefined, now - 1000]) {
    history.queues(at);
    history.workers(at);
    history.task("1", at);
    history.workflow("1", at);
  }
  history.workflows({});
  history.log("1");
  const asked = (looking.mock.contexts as Database[]).flatMap((database, index) => {
    const [text = ""] = looking.mock.calls[index] ?? [];
    return /^(?:WITH|SELECT)/.test(text) && /\btask\b/.test(text) ? [{ database, text }] : [];
  });
  expect(asked.length).toBeGreaterThan(5);
  const reading = asked.flatMap(({ database, text }) => {
    const plan = database
      .query(`EXPLAIN QUERY PLAN ${text}`)
      .all()
      .map((row) => String(row.at(-1)));
    // With a limit it ends before.
    return plan.some((step) => /^SCAN task\b/.test(step)) && !/LIMIT/.test(text) ? [text] : [];
  });
  expect(reading).toEqual([]);
  history.close();
});
