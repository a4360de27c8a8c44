/**
 * `npm run audit`: asks the registry whether what users install has a known vulnerability, of severity high or critical.
 *
 * A registry that cannot be reached, or that answers no such questions, is no verdict: that is skipped, and said so. The last line is
 * `N passed, N failed, N skipped`.
 */

import { run } from "./process.ts";

interface Report {
  readonly auditReportVersion?: number;
  readonly message?: string;
  readonly statusCode?: number;
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string }>>;
}

/** The registry does not know the question, or is not well. */
const dumb = new Set([404, 405, 410, 429, 500, 501, 502, 503, 504]);
const away = /ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|network timeout/;

const ran = await run("npm", ["audit", "--omit=dev", "--audit-level=high", "--json", "--fetch-retries=1"], {
  output: "keep",
});
// Warnings stand before it, and where the log lies behind.
const text = /^\{$[^]*?^\}$/m.exec(ran.text)?.[0];
const report = text === undefined ? undefined : (JSON.parse(text) as Report);
const reason = report?.message ?? "";
let counts = "0 passed, 1 failed, 0 skipped";
if (report?.auditReportVersion !== undefined) {
  const found = Object.entries(report.vulnerabilities ?? {}).filter(([, { severity }]) =>
    ["high", "critical"].includes(severity),
  );
  for (const [name, { severity }] of found) process.stdout.write(`FAILED ${name}: a vulnerability, ${severity}\n`);
  if (found.length === 0) counts = "1 passed, 0 failed, 0 skipped";
  else process.stdout.write("npm audit --omit=dev tells more of them.\n");
} else if (dumb.has(report?.statusCode ?? 0) || away.test(reason)) {
  // Not the address: a registry of one's own is nobody's business.
  const why = report?.statusCode === undefined ? "could not be reached" : `answered ${String(report.statusCode)}`;
  process.stdout.write(`SKIPPED: the registry ${why}, so nothing is known of vulnerabilities\n`);
  counts = "0 passed, 0 failed, 1 skipped";
} else process.stdout.write(`FAILED: npm audit gave no report:\n${ran.text}\n`);
process.stdout.write(`\n${counts}\n`);
process.exitCode = counts.startsWith("0 passed, 1") ? 1 : 0;
