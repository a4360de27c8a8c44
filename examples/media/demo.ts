/**
 * `node examples/media/demo.ts`: an API, two worker processes, eight photographs, several hundred thumbnails, one worker killed on the
 * way, and a verdict. This file only reads the command line.
 */

import { existsSync } from "node:fs";
import { parseArgs } from "node:util";

const usage = `Usage: npm run demo -- [options]

  --once           exit after the summary: 0 only if every accepted task has exactly one final result
  --json           print the summary as one JSON object and nothing else; implies --once
  --images DIR     use the pictures of a folder of your own
  --broker URL     run on redis://… instead of an SQLite file in a temporary folder
  --port N         where the API listens (default: 3000, or a free one)
  --help           this text
`;

function readCommandLine(): ReturnType<typeof parse> | undefined {
  try {
    return parse();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return undefined;
  }
}

function parse() {
  const { values } = parseArgs({
    options: {
      once: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      images: { type: "string" },
      broker: { type: "string" },
      port: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.port !== undefined && !/^\d{1,5}$/.test(values.port))
    throw new Error(`--port takes a number, not ${values.port}`);
  return values;
}

async function main(): Promise<number> {
  const flags = readCommandLine();
  if (flags === undefined) return 2;
  if (flags.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (!existsSync(new URL(import.meta.resolve("celeriac")))) {
    process.stderr.write("Celeriac is not built yet: run `npm run build`, or start the demo with `npm run demo`\n");
    return 1;
  }
  const { runDemo } = await import("./run.ts");
  return runDemo({
    stay: !flags.once && !flags.json && process.stdout.isTTY,
    json: flags.json,
    images: flags.images,
    broker: flags.broker,
    port: flags.port === undefined ? undefined : Number(flags.port),
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    `${text}\n${process.env["DEBUG"] === undefined || !(error instanceof Error) ? "" : `${error.stack}\n`}`,
  );
  process.exitCode = 1;
}
