import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Entry, Journal } from "./journal.ts";
import { judgeJournal } from "./journal-verdict.ts";

it("tells of a journal what explains its repeats, and which ones nothing explains", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-journal-"));
  try {
    const journal = new Journal(join(folder, "journal"));
    const start = (id: string, t: number, worker: number, kind = "ok"): Entry => {
      return { k: "start", t, id, kind, attempt: 1, fence: t, pid: worker + 10, worker };
    };
    const entries: Entry[] = [
      { k: "accepted", t: 0, id: "a", kind: "ok" },
      start("a", 10, 1),
      { k: "fault", t: 20, until: 20, fault: "kill worker", target: 1 },
      start("a", 3000, 2),
      start("b", 10, 3),
      start("b", 90, 2),
      start("p", 5, 4, "poison"),
      start("p", 9000, 4, "poison"),
    ];
    for (const entry of entries) journal.add(entry);
    journal.close();
    expect(await judgeJournal(journal.path, { broker: "redis", lease: 3000, shadow: 5000 })).toEqual({
      accepted: 1,
      faults: 1,
      explained: { "kill worker": 1 },
      unexplained: ["b (ok) ran 2 times"],
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
