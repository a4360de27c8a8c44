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
import { endWithout, say, Tally } from "../browser/case.ts";
import { baseImages } from "./base-images.ts";
import { cases } from "./cases.ts";
import { Engine } from "./engine.ts";
import { Shop } from "./shop.ts";

const { values } = parseArgs({ options: { bases: { type: "string", default: "" } } });
const engine = await Engine.find();
const missing = typeof engine === "string" ? engine : await baseImages(engine, values.bases === "debian");
if (typeof engine === "string" || missing !== undefined) endWithout(`the tests in containers: ${String(missing)}`);

const tally = new Tally();
{
  await using shop = await Shop.make(engine);
  const { image, running } = cases(shop);
  // What follows would only say the same again.
  if (await tally.tried({ name: `the image is built by ${engine.program}`, run: () => shop.build() })) {
    for (const one of image) await tally.tried(one);
    if (await tally.tried({ name: "the compose file is brought up", run: () => shop.up() }))
      for (const one of running) await tally.tried(one);
  }
}
say(`\n${tally.text}`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);
