/**
 * The two Celery releases that the suite runs against, each known by its Python interpreter: Debian's `python3-celery`, and the newest
 * 5.6 in a virtual environment that `npm run interop:celery` makes. What an interpreter cannot import, or has in another version, is not there.
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Need } from "../server/required-program.ts";

export type ReleaseName = "5.2" | "5.6";

export interface Release extends Need {
  readonly name: ReleaseName;
  readonly interpreter: string;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

export const releases: Readonly<Record<ReleaseName, Release>> = {
  "5.2": release("5.2", "CELERIAC_CELERY_5_2", "/usr/bin/python3", "apt-get install python3-celery python3-redis"),
  "5.6": release(
    "5.6",
    "CELERIAC_CELERY_5_6",
    join(root, "node_modules/.cache/celeriac/celery-5.6/bin/python"),
    "npm run interop:celery",
  ),
};
export const releaseNames: readonly ReleaseName[] = ["5.2", "5.6"];

/** The variable names another interpreter, for machines where it lies elsewhere. */
function release(name: ReleaseName, variable: string, usual: string, install: string): Release {
  const interpreter = process.env[variable] ?? usual;
  const look = "import celery, redis, amqp; print(celery.__version__)";
  let available: boolean | undefined;
  return {
    name,
    interpreter,
    program: `Celery ${name} for Python`,
    install: `${install}  (or give an interpreter that has it in ${variable})`,
    // Half a second for each, so only where it is asked.
    get available(): boolean {
      available ??= spawnSync(interpreter, ["-c", look], { encoding: "utf8" }).stdout?.startsWith(`${name}.`) ?? false;
      return available;
    },
  };
}
