/** `npm run example NAME -- [options]`: builds the package and runs the demo of one example as its user would. Without a name it lists them. */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { examples } from "./example-list.ts";
import { root, run } from "./process.ts";

const [name = "", ...args] = process.argv.slice(2);
const found = examples().find((each) => each.name === name);
if (found === undefined) {
  const names = examples().map((each) => `  npm run example ${each.name}\n`);
  process.stderr.write(`${name === "" ? "Which one?" : `There is no example "${name}".`}\n\n${names.join("")}`);
  process.exit(2);
}
const built = await run(process.execPath, ["scripts/build.ts", "--quiet"]);
if (built.code !== 0) process.exit(built.code);
const demo = spawn(process.execPath, [join("examples", name, found.script), ...args], { cwd: root, stdio: "inherit" });
// Ctrl-C goes to both: the demo tidies up, and its end is the end.
process.on("SIGINT", () => {}).on("SIGTERM", () => demo.kill("SIGTERM"));
demo.on("close", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 137)));
