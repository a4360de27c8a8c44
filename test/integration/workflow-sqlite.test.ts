import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workflowSuite } from "./workflow-suite.ts";

const makeFolder = (): string => mkdtempSync(join(tmpdir(), "celeriac-workflow-"));

workflowSuite("SQLite", async () => {
  const folder = makeFolder();
  return {
    url: `sqlite:${join(folder, "queue.db")}`,
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

workflowSuite("SQLite, its results in another file", async () => {
  const folder = makeFolder();
  return {
    url: `sqlite:${join(folder, "queue.db")}`,
    results: `sqlite:${join(folder, "results.db")}`,
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
