import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workerSuite } from "./worker-suite.ts";

workerSuite("SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-worker-"));
  return {
    url: `sqlite:${join(folder, "queue.db")}`,
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
