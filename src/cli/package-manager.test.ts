/** Whose commands are printed. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageManagerOf } from "./package-manager.ts";

it("is the one of the nearest lock file, or else the one that started this, or else npm", () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-manager-"));
  try {
    const below = join(folder, "a/b");
    mkdirSync(below, { recursive: true });
    expect(packageManagerOf(below, "").name).toBe("npm");
    expect(packageManagerOf(below, "yarn/4.1.0 npm/? node/v24").install).toBe("yarn install");
    writeFileSync(join(folder, "pnpm-lock.yaml"), "");
    expect(packageManagerOf(below, "yarn/4.1.0 npm/? node/v24").name).toBe("pnpm");
    writeFileSync(join(below, "bun.lock"), "");
    expect(packageManagerOf(below, "").execute).toBe("bunx");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
