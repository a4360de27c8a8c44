/** The seeded bugs still fit the sources; whether a run catches them is `npm run chaos:bugs`. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bugs, seed } from "./bugs.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

describe("the seeded bugs", () => {
  it.each(Object.keys(bugs).flatMap((name) => (["sqlite", "redis"] as const).map((broker) => ({ name, broker }))))(
    "$name can be put into the sources for $broker",
    ({ name, broker }) => {
      const bug = bugs[name];
      const folder = mkdtempSync(join(tmpdir(), "celeriac-bug-"));
      try {
        expect(() => bug && seed(bug, broker, root, folder)).not.toThrow();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});
