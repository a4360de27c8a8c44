/**
 * What the image and the compose file are made from. It is taken from the machine, else pulled, else, with `--bases debian`, made of Debian's own
 * packages under the same names: for machines that reach a mirror of Debian and no registry of images. That needs root and debootstrap.
 */

import { chmod, cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { at, documents, stages } from "../deploy/reading.ts";
import { attempt, type Engine, passed } from "./engine.ts";

/** As deploy/ names them. */
export const nodeImage: string = stages().at(-1)?.[0]?.rest ?? "";
const redisImage = at(documents("compose.yaml")[0], "services", "redis", "image") as string;

/** As Redis' own image begins: files belong to redis, and so does the process. */
const redisEntry = `#!/bin/sh
set -e
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  chown -R redis:redis .
  exec setpriv --reuid=redis --regid=redis --clear-groups "$@"
fi
exec "$@"
`;
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Resolves with why there are none, or with nothing. */
export async function baseImages(engine: Engine, make: boolean): Promise<string | undefined> {
  for (const [name, build] of [
    [nodeImage, makeNode],
    [redisImage, makeRedis],
  ] as const) {
    if (await engine.hasImage(name)) continue;
    if (make) await made(engine, name, build);
    else if ((await engine.try(["pull", name], 180_000)).code !== 0)
      return `${name} is neither here nor to be pulled; -- --bases debian makes one of Debian's packages (root, debootstrap)`;
  }
  return undefined;
}

interface Recipe {
  /** Packages beside those of every system. */
  readonly packages: string;
  readonly fill: (folder: string) => Promise<void>;
  /** What the image says of itself. */
  readonly changes: readonly string[];
}

const makeNode: Recipe = {
  packages: "ca-certificates",
  async fill(folder) {
    const npm = dirname(dirname(await realpath((await mustRun(["which", "npm"])).trim())));
    await cp(process.execPath, join(folder, "usr/local/bin/node"));
    await mkdir(join(folder, "usr/local/lib/node_modules"), { recursive: true });
    await cp(npm, join(folder, "usr/local/lib/node_modules/npm"), { recursive: true });
    await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(folder, "usr/local/bin/npm"));
    await mustRun(["chroot", folder, "groupadd", "--gid", "1000", "node"]);
    await mustRun(["chroot", folder, "useradd", "--uid", "1000", "--gid", "node", "--create-home", "node"]);
  },
  changes: [`ENV ${path}`, 'CMD ["node"]'],
};

const makeRedis: Recipe = {
  packages: "redis-server",
  async fill(folder) {
    const entry = join(folder, "usr/local/bin/entry.sh");
    await writeFile(entry, redisEntry);
    await chmod(entry, 0o755);
    await mkdir(join(folder, "data"));
  },
  changes: [`ENV ${path}`, "WORKDIR /data", "VOLUME /data", 'ENTRYPOINT ["entry.sh"]', 'CMD ["redis-server"]'],
};

async function made(engine: Engine, name: string, { packages, fill, changes }: Recipe): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-base-"));
  const system = join(folder, "system");
  try {
    await mustRun(["debootstrap", "--variant=minbase", `--include=${packages}`, "bookworm", system]);
    await fill(system);
    for (const waste of ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"])
      await rm(join(system, waste), { recursive: true, force: true });
    await mustRun(["tar", "-C", system, "-cf", join(folder, "system.tar"), "."]);
    const said = changes.flatMap((change) => ["--change", change]);
    await engine.run(["import", ...said, join(folder, "system.tar"), name], 300_000);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function mustRun(words: readonly string[]): Promise<string> {
  return passed(words.join(" "), await attempt(words, { limit: 1_800_000 }));
}
