import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { revokeSuite } from "./revoke-suite.ts";

let count = 0;
revokeSuite("memory", async () => ({ url: `memory:revoke-suite-${String(++count)}`, close: async () => {} }));

revokeSuite("SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-revoke-"));
  return {
    url: `sqlite:${join(folder, "queue.db")}`,
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
