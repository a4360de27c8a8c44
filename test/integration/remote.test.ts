import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { remoteSuite } from "./remote-suite.ts";

let count = 0;
remoteSuite("memory", async () => ({ url: `memory:remote-suite-${String(++count)}`, close: async () => {} }));

remoteSuite("SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-remote-"));
  return {
    url: `sqlite:${join(folder, "queue.db")}`,
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
