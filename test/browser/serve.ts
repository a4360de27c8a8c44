/** The world, until Ctrl-C: for looking at the dashboard by hand. `node test/browser/serve.ts [port]` */

import { World } from "./world.ts";

const [port = "5599", hostile] = process.argv.slice(2);
const world = await World.start({ port: Number(port) });
process.stdout.write(`${world.url}\n`);
await world.fill();
// The app reads the broker's URL when it is loaded, which is known only now.
if (hostile === "hostile") await (await import("./hostile.ts")).sendHostile();
process.once("SIGTERM", () => void world[Symbol.asyncDispose]().then(() => process.exit(0)));
process.once("SIGINT", () => void world[Symbol.asyncDispose]().then(() => process.exit(0)));
