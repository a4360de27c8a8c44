/** Parts of an input that nobody is to see are in no line of a logger of one's own, and in no span, whatever handlers do with them. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { Secret } from "../../src/index.ts";
import { formsOf, leaksIn } from "./canary/forms.ts";

const folder = mkdtempSync(join(tmpdir(), "celeriac-redacted-logs-"));
const spans = join(folder, "spans.jsonl");
process.env["SPANS_FILE"] = spans;
const { app, declared, exits, fails, returns, sends, throwing, wrapped } = await import("./redaction/app.ts");
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

const token = 'sk-canary-0815 "q"/x';
const card = { number: "0815-canary-4711", holder: "Ada" };
const pin = 8_154_711;
const forms = formsOf([token, "sk-canary-0815", card.number, String(pin)]);
const soon = { timeout: "60s" } as const;

test.each(["process", "thread", "inline"] as const)(
  "are in no line of pino and in no span, with children of the kind %s",
  async (pool) => {
    const lines: string[] = [];
    const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
    {
      await using _worker = await app.work({ pool, concurrency: 4, processes: 1, log, env: ["SPANS_FILE"] });
      const secret = { token: new Secret(token), n: 1 };
      const sent = [
        await declared.enqueue({ card, pin }),
        await fails.enqueue({ card, pin }),
        await wrapped.enqueue(secret),
        await throwing.enqueue(secret),
        await returns.enqueue(secret),
        await sends.enqueue(secret),
      ];
      await Promise.allSettled(sent.map((each) => each.get(soon)));
      if (pool === "process") await Promise.allSettled([(await exits.enqueue(secret)).get(soon)]);
    }
    const told = new Map([
      ["pino", lines.join("")],
      ["spans", readFileSync(spans, "utf8")],
    ]);
    // The handler's own words, its error with its stack and cause, and the last words of a child are there, and covered.
    expect(told.get("pino")).toMatch(/charging \*\*\*.*/);
    expect(told.get("pino")).toContain("no such token: ***");
    expect(told.get("pino")?.includes("last words: ***")).toBe(pool === "process");
    expect(told.get("spans")).toContain("no such token: ***");
    expect(told.get("spans")).toContain("exception.stacktrace");
    expect(leaksIn(told, forms)).toEqual([]);
  },
  240_000,
);
