/**
 * Suites that need a program of the machine. Where it is missing they are skipped *and named*, with the line that installs it,
 * in the closing summary of `npm test`; with `CELERIAC_REQUIRE=all` they fail instead.
 */

import { accessSync, appendFileSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, test } from "vitest";

/** The programs that suites may ask for, each with the line that brings it on Debian and its kin. */
export const programs = {
  bash: "apt-get install bash",
  cc: "apt-get install gcc libc6-dev",
  chromium: "apt-get install chromium",
  openssl: "apt-get install openssl",
  "rabbitmq-server": "apt-get install rabbitmq-server",
  "redis-server": "apt-get install redis-server",
  script: "apt-get install bsdutils",
  setpriv: "apt-get install util-linux",
  "systemd-analyze": "apt-get install systemd",
} as const;
export type Program = keyof typeof programs;

/** True if the program is on the search path and may be run. */
export function programAvailable(program: Program): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}

/** For code outside suites (servers, scripts): throws with the install line where the program is missing. */
export function requireProgram(program: Program): void {
  if (!programAvailable(program)) throw new Error(`${program} is not installed: ${programs[program]}`);
}

/** Something that a suite cannot do without, and the line that brings it. */
export interface Need {
  readonly program: string;
  readonly install: string;
  readonly available: boolean;
}

/** `describe`, for suites that start `program`. Skips loudly without it, or fails where everything is required. */
export function describeWith(program: Program, name: string, suite: () => void): void {
  describeNeeding({ program, install: programs[program], available: programAvailable(program) }, name, suite);
}

/** The same for what is found in other ways than on the search path. */
export function describeNeeding({ program, install, available }: Need, name: string, suite: () => void): void {
  if (available) {
    describe(name, suite);
    return;
  }
  const missing = { program, install, suite: name };
  if (process.env["CELERIAC_REQUIRE"] === "all") {
    describe(name, () => {
      test(`needs ${program}`, () => {
        throw new Error(`${program} is not installed and CELERIAC_REQUIRE=all forbids skipping: ${install}`);
      });
    });
    return;
  }
  const report = process.env["CELERIAC_MISSING_PROGRAMS"];
  if (report === undefined) process.stderr.write(`skipped "${name}": needs ${program} (${missing.install})\n`);
  else appendFileSync(report, `${JSON.stringify(missing)}\n`);
  // oxlint-disable-next-line vitest/no-disabled-tests -- the one place that may: it has just been reported
  describe.skip(name, suite);
}
