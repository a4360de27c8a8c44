/** The seeded bugs still fit the sources; whether a run catches them say `npm run chaos:bugs` and `npm run chaos:beat -- --bug NAME`. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { beatBugs } from "./beat-bugs.ts";
import { type BuggyBroker, bugs, seed } from "./bugs.ts";
import { leakBugs } from "./leak-bugs.ts";
import { tickBugs } from "./tick-bugs.ts";
import { timingBugs } from "./timing-bugs.ts";

const all = { ...bugs, ...leakBugs, ...timingBugs, ...tickBugs, ...beatBugs };
const root = fileURLToPath(new URL("../../", import.meta.url));

describe("the seeded bugs", () => {
  const seeded = Object.entries(all).flatMap(([name, { patches }]) =>
    (Object.keys(patches) as BuggyBroker[]).map((broker) => ({ name, broker })),
  );
  it.each(seeded)("$name can be put into the sources for $broker", ({ name, broker }) => {
    const bug = all[name];
    const folder = mkdtempSync(join(tmpdir(), "celeriac-bug-"));
    try {
      expect(() => bug && seed(bug, broker, root, folder)).not.toThrow();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
