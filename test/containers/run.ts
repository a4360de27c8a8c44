/**
 * `npm run test:containers`: deploy/ as its users have it. The image is built of the packed tarball, the compose file brought up; an order is given,
 * workers are stopped and killed, and all of it is torn down. Needs Podman with podman-compose, or Docker, and the two base images or a registry
 * that has them; without, everything is skipped, and said; with CELERIAC_REQUIRE=all that fails. About three minutes.
 *
 *   npm run test:containers -- [--bases debian]
 *
 * `--bases debian`: base images that are missing are made of Debian's packages (root and debootstrap), and stay.
 */

import { parseArgs } from "node:util";
import type { Case } from "../browser/case.ts";
import { baseImages } from "./base-images.ts";
import { cases } from "./cases.ts";
import { Engine } from "./engine.ts";
import { Shop } from "./shop.ts";

const { values } = parseArgs({ options: { bases: { type: "string", default: "" } } });
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const engine = await Engine.find();
const missing = typeof engine === "string" ? engine : await baseImages(engine, values.bases === "debian");
if (typeof engine === "string" || missing !== undefined) {
  const required = process.env["CELERIAC_REQUIRE"] === "all";
  say(`the tests in containers: ${required ? "FAILED" : "SKIPPED"}: ${String(missing)}`);
  say(required ? "0 passed, 1 failed, 0 skipped" : "0 passed, 0 failed, 1 skipped");
  process.exit(required ? 1 : 0);
}

let passed = 0;
let failed = 0;
/** False where what follows would only say the same again. */
async function tried({ name, run }: Case): Promise<boolean> {
  const started = performance.now();
  const seconds = (): string => `(${((performance.now() - started) / 1000).toFixed(1)} s)`;
  try {
    await run();
    passed++;
    say(`ok      ${name} ${seconds()}`);
    return true;
  } catch (error) {
    failed++;
    say(
      `FAILED  ${name} ${seconds()}\n${String(error instanceof Error ? error.message : error).replace(/^/gm, "        ")}`,
    );
    return false;
  }
}

{
  await using shop = await Shop.make(engine);
  const { image, running } = cases(shop);
  if (await tried({ name: `the image is built by ${engine.program}`, run: () => shop.build() })) {
    for (const one of image) await tried(one);
    if (await tried({ name: "the compose file is brought up", run: () => shop.up() }))
      for (const one of running) await tried(one);
  }
}
say(`\n${String(passed)} passed, ${String(failed)} failed, 0 skipped`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
