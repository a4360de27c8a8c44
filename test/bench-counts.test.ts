/** The regression check of counts: what it lets pass, and what not. */

import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { exceeded } from "../bench/count-limit.ts";
import type { Counts } from "../bench/counts.ts";

const kept = JSON.parse(await readFile(new URL("../bench/counts.json", import.meta.url), "utf8")) as Readonly<
  Record<string, Counts>
>;

describe("the regression check of counts", () => {
  it.each(Object.entries(kept))("passes what is kept, and is red with one command more: %s", (name, counts) => {
    expect(exceeded(name, counts, counts)).toEqual([]);
    const slower = exceeded(name, { ...counts, commands: counts.commands + 1 }, counts);
    expect(slower).toHaveLength(1);
    expect(slower[0]).toContain("commands");
  });

  it.each(Object.entries(kept))("is red when a message is sent twice: %s", (name, counts) => {
    expect(exceeded(name, { ...counts, bytesIn: counts.bytesIn * 2 }, counts)).toHaveLength(1);
  });

  it("passes what became cheaper, and is red for a case that nobody kept", () => {
    const counts: Counts = { commands: 2, scripts: 1, bytesIn: 500, bytesOut: 500, memory: 500 };
    expect(exceeded("run", { ...counts, commands: 1, bytesIn: 100 }, counts)).toEqual([]);
    expect(exceeded("run", counts, undefined)).toHaveLength(1);
  });
});
