/**
 * `npm run test:browser`: the dashboard in Debian's Chromium, before a real Redis whose workers go on working. Every page in three sizes and both
 * themes, what people do there, on a phone too and as their role allows, hostile texts, a login, and a very long table. Pictures of all of it
 * are left in `.tmp/browser`, to be looked at.
 *
 *   npm run test:browser -- [--only NAME]... [--quick] [--smoke] [--docs]
 *
 * `--quick`: pages at 1280 px in light alone. `--smoke`: what CI runs each time, in less than a minute: a login, every page without axe, one thing
 * that is done, hostile texts. `--docs`: pages at 1280 px alone, of which the docs show some: those pictures go to `docs/pictures`.
 *
 * Without Chromium or Redis everything is skipped, and said; with CELERIAC_REQUIRE=all that fails.
 */

import { existsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { root } from "../../scripts/process.ts";
import { buildUi } from "../../scripts/ui.ts";
import { programAvailable, programs } from "../server/required-program.ts";
import { type Case, endWithout, say, Tally } from "./case.ts";
import { executable, Eyes, pictures } from "./look.ts";
import { signIn } from "./sign-in.ts";
import { World } from "./world.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    quick: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    docs: { type: "boolean", default: false },
  },
});

/** Names in `docs/pictures`, with the pictures that are shown there. */
const inDocs = {
  "dashboard-overview": "overview-1280-light",
  "dashboard-tasks": "tasks-mail-panel-1280-dark",
  "dashboard-why": "task-waiting-1280-light",
} as const;

const wanted = ({ name }: Case): boolean => values.only.length === 0 || values.only.some((part) => name.includes(part));

const missing = [
  ...(existsSync(executable) ? [] : [`chromium (${programs.chromium})`]),
  ...(programAvailable("redis-server") ? [] : [`redis-server (${programs["redis-server"]})`]),
];
if (missing.length > 0) endWithout(`the browser's tests need ${missing.join(" and ")}`);

const built = await buildUi(join(root, "dist", "dashboard", "ui"));
if (built.code !== 0) {
  say(built.text);
  process.exit(1);
}
const tally = new Tally();
{
  const { flags, env } = signIn;
  await using world = await World.start({ prefix: "/ops/celeriac", ...(values.smoke && { flags, env }) });
  await world.fill();
  await using eyes = await Eyes.open(world.url);
  for (const one of await cases(world, eyes)) if (wanted(one)) await tally.tried(one);
  if (tally.failed > 0 && world.warnings !== "") say(`\nthe dashboard warned:\n${world.warnings}`);
}
if (values.docs && tally.failed === 0)
  for (const [name, picture] of Object.entries(inDocs))
    await copyFile(join(pictures, `${picture}.png`), join(root, "docs", "pictures", `${name}.png`));
say(`\npictures are in ${pictures.slice(root.length + 1)}\n${tally.text}`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);

/** Loaded once the world is there: the app reads the broker's URL when it is loaded. */
async function cases(world: World, eyes: Eyes): Promise<readonly Case[]> {
  const { pages } = await import("./pages.ts");
  const { actions } = await import("./actions.ts");
  const { hostility } = await import("./hostility.ts");
  if (values.smoke) {
    const { smoke } = await import("./smoke.ts");
    return [...smoke(eyes), ...hostility(eyes, { brief: true, look: { user: signIn.user } })];
  }
  if (values.docs) {
    const [light, dark] = pages(eyes, [1280]);
    const some = { name: "three minutes go by, for the charts to show", run: () => setTimeout(180_000) };
    return [dark, some, light].filter((one) => one !== undefined);
  }
  const { access } = await import("./access.ts");
  const { controls } = await import("./controls.ts");
  const { longTable } = await import("./long-table.ts");
  const { many } = await import("./many.ts");
  const { moves } = await import("./moves.ts");
  const { opened } = await import("./opened.ts");
  const { phone } = await import("./phone.ts");
  const { presses } = await import("./presses.ts");
  const sizes = values.quick ? [1280] : [390, 1280, 1920];
  const all = pages(eyes, sizes);
  return [
    ...(values.quick ? all.slice(0, 1) : all),
    ...actions(eyes),
    ...presses(eyes),
    ...opened(eyes),
    ...phone(eyes),
    ...moves(eyes),
    ...controls(world, eyes),
    ...many(eyes),
    ...longTable(),
    ...access(world),
    ...hostility(eyes),
  ];
}
