/**
 * `node examples/python-and-typescript/run.ts`: a Python worker and a TypeScript worker on one broker, each called by the other. This file
 * reads the command line, starts a Redis if no broker is named, and prints how it went.
 */

import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { startPrivateRedis } from "../harness/private-redis.ts";
import { sayWhy } from "../harness/skipped.ts";
import { findPython } from "./python.ts";
import type { Report } from "./demo.ts";

const usage = `Usage: npm run demo:python -- [options]

  --broker URL     redis://… or amqp://… instead of a redis-server of its own
  --results URL    where results are, if not with the messages (for amqp:// they come over rpc://)
  --python CMD     an interpreter that has Celery (default: python3, or /usr/bin/python3)
  --calls N        calls each way (default: 100)
  --json           the report as one JSON object and nothing else
  --help           this text
`;

function parse() {
  const { values } = parseArgs({
    options: {
      broker: { type: "string" },
      results: { type: "string" },
      python: { type: "string" },
      calls: { type: "string", default: "100" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (!/^[1-9]\d{0,4}$/.test(values.calls))
    throw new Error(`--calls takes a number from 1 to 99999, not ${values.calls}`);
  return values;
}

async function main(): Promise<number> {
  let flags: ReturnType<typeof parse>;
  try {
    flags = parse();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (flags.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (!existsSync(new URL(import.meta.resolve("celeriac")))) {
    process.stderr.write(
      "Celeriac is not built yet: run `npm run build`, or start the demo with `npm run demo:python`\n",
    );
    return 1;
  }
  const say = (text: string): void => void (flags.json || process.stdout.write(`${text}\n`));
  await using stack = new AsyncDisposableStack();
  const broker = flags.broker ?? stack.use(await startPrivateRedis()).url;
  say(`broker: ${new URL(broker).protocol.slice(0, -1)}${flags.broker === undefined ? ", a server of its own" : ""}`);
  const env = { CELERIAC_BROKER: broker, ...(flags.results !== undefined && { CELERIAC_RESULTS: flags.results }) };
  Object.assign(process.env, env); // before app.ts is loaded
  const modules = broker.startsWith("amqp") ? ["celery"] : ["celery", "redis"];
  const python = await findPython(flags.python, env, modules);
  const { runDemo } = await import("./demo.ts");
  const report = await runDemo(python, Number(flags.calls), say);
  if (flags.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else print(report);
  return report.ok ? 0 : 1;
}

function print({ celery, passages, errors, ok }: Report): void {
  const rows = passages.map(({ way, calls, right, seconds }) =>
    [way, calls, right, `${(seconds * 1000).toFixed(0)} ms`].map(String),
  );
  const table = [[`Celery ${celery}, Node ${process.versions.node}`, "calls", "right", "took"], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
  process.stdout.write(`\n${lines.join("\n")}\n
Python's error in TypeScript: ${errors.inTypeScript}
TypeScript's error in Python: ${errors.inPython}
\n${ok ? "all is well" : "NOT as it should be"}\n`);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.exitCode = sayWhy(error);
}
