/**
 * What `npm test` runs: every suite, then what was skipped for want of a program and how to install it, then, as the very
 * last line, `N passed, N failed, N skipped`. Arguments go on to vitest. Two tests of one name in one file are a failure.
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { root, run, tool } from "./process.ts";

interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}
interface Missing {
  readonly program: string;
  readonly install: string;
  readonly suite: string;
}

const folder = await mkdtemp(join(tmpdir(), "celeriac-test-"));
const reportFile = join(folder, "report.json");
const missingFile = join(folder, "missing.jsonl");
const ran = await run(
  tool("vitest"),
  ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`, ...process.argv.slice(2)],
  { env: { CELERIAC_MISSING_PROGRAMS: missingFile } },
);
const report = JSON.parse(await readFile(reportFile, "utf8").catch(() => "null")) as Report | null;
const missing = (await readFile(missingFile, "utf8").catch(() => ""))
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Missing);
await rm(folder, { recursive: true, force: true });

const print = (line: string): void => void process.stdout.write(`${line}\n`);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of report?.testResults ?? []) {
  const seen = new Map<string, number>();
  const path = relative(root, file.name);
  for (const test of file.assertionResults) {
    if (test.status === "passed") passed++;
    else if (test.status === "failed") {
      failed++;
      print(`FAILED ${path}: ${test.fullName}: ${(test.failureMessages?.[0] ?? "no reason given").split("\n")[0]}`);
    } else skipped++;
    const count = (seen.get(test.fullName) ?? 0) + 1;
    seen.set(test.fullName, count);
    if (count !== 2) continue; // once is right; more than twice has been told
    failed++;
    print(`FAILED ${path}: several tests are named "${test.fullName}"`);
  }
  if (file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")) {
    failed++;
    print(`FAILED ${path}: ${(file.message ?? "the file could not be run").split("\n")[0]}`);
  }
}
for (const program of new Set(missing.map((one) => one.program))) {
  const suites = missing.filter((one) => one.program === program);
  print(`\nSKIPPED for want of ${program} (install it with: ${suites[0]?.install}):`);
  for (const one of suites) print(`  ${one.suite}`);
}
// An unhandled rejection or a type error fails the run without failing a test; it must not hide behind "0 failed".
if (ran.code !== 0 && failed === 0) failed = 1;
if (report === null) print("FAILED: vitest left no report");
print(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && report !== null ? 0 : 1);
