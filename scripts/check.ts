/**
 * What `npm run check` runs: lint, format, types, architecture, the links of the documentation, and the package as its users get it. Every step runs, whatever
 * became of the others; the last line is `N passed, N failed, N skipped`. `npm run check -- lint types` runs the named ones.
 */

import { join } from "node:path";
import { checkPackage } from "./package.ts";
import { root, run, tool, type Ran } from "./process.ts";

const keep = { output: "keep", env: { NO_COLOR: "1" } } as const;
const steps: Readonly<Record<string, () => Promise<Ran>>> = {
  lint: () => run(tool("oxlint"), ["--type-aware", "--deny-warnings"], keep),
  format: () => run(tool("oxfmt"), ["--check", "."], keep),
  types: () => run(tool("tsc"), ["-p", "tsconfig.json"], keep),
  "ui types": () => run(tool("tsc"), ["-p", "dashboard-ui/tsconfig.json"], keep),
  architecture: () => run(tool("vitest"), ["run", "test/architecture.test.ts"], keep),
  docs: () => run(process.execPath, [join(root, "scripts/docs.ts"), "--check"], keep),
  unused: () => run(tool("knip"), [], keep),
  package: checkPackage,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in steps));
if (unknown.length > 0) {
  process.stderr.write(`no such check: ${unknown.join(", ")}; there are ${Object.keys(steps).join(", ")}\n`);
  process.exit(2);
}
let passed = 0;
let failed = 0;
for (const [name, step] of Object.entries(steps)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const started = performance.now();
  const ran = await step();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (ran.code === 0) {
    passed++;
    process.stdout.write(`ok      ${name} (${seconds} s)\n`);
  } else {
    failed++;
    process.stdout.write(`FAILED  ${name} (${seconds} s)\n${ran.text.replace(/^/gm, "        ")}\n`);
  }
}
process.stdout.write(`\n${passed} passed, ${failed} failed, 0 skipped\n`);
process.exit(failed === 0 ? 0 : 1);
