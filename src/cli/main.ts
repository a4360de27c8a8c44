#!/usr/bin/env node
/**
 * The `celeriac` command. Looks at the version of Node before it loads anything that an old one could not read, and ends
 * the process itself, because a user's app module may leave connections open that would keep it alive.
 */

import { checkNodeVersion } from "../app/node-version.ts";

try {
  checkNodeVersion();
} catch (error) {
  process.stderr.write(`NODE_TOO_OLD: ${(error as Error).message}\n`);
  process.exit(1);
}
// Node 22 announces node:sqlite and type stripping on every start; both are what we rely on. Other warnings are passed on.
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name !== "ExperimentalWarning") process.stderr.write(`${warning.name}: ${warning.message}\n`);
});
// A reader that has seen enough (`celeriac queues | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const { runCommandLine } = await import("./program.ts");
const code = await runCommandLine(process.argv.slice(2));
// Empty writes: their callbacks come when all that was written before has left.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
