/**
 * `npm run models`: proves the models of the lease and of the join in `test/models` with Spin, every interleaving of every step, and that each
 * fault that can be seeded into them is noticed.
 *
 *   npm run models [-- MODEL]
 *
 * A property that does not hold is shown with the steps that lead there. The last line is `N passed, N failed, N skipped`. Without Spin or a C compiler
 * all is skipped, and said so; with `CELERIAC_REQUIRE=all` that is a failure.
 */

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "./process.ts";

interface Model {
  readonly name: string;
  /** Each with what its failing would mean. Those under `always` have to hold in every state, `ends` on every fair run. */
  readonly always: Readonly<Record<string, string>>;
  readonly ends: string;
  /** Macros, each with the property that has to notice it. */
  readonly faults: Readonly<Record<string, string>>;
  /** Makes the search for a fault, which lies near, a small one. */
  readonly small: readonly string[];
}

const models: readonly Model[] = [
  {
    name: "lease",
    always: {
      once: "a task is committed at most once",
      newest: "only the holder of the lease commits, with the newest fence",
      timely: "no task is begun after its commit, or when its worker's own clock says that the lease is over",
    },
    ends: "the task ends, once nothing goes wrong any more",
    faults: {
      NO_FENCE_CHECK: "once",
      FENCE_STAYS: "newest",
      NO_EXPIRY_CHECK: "timely",
      LATE_CLOCK: "timely",
      NO_SWEEP: "ends",
    },
    small: ["-DWORKERS=2", "-DCLAIMS=3"],
  },
  {
    name: "join",
    always: {
      once: "a body is sent once",
      complete: "a body is sent when all members have ended",
    },
    ends: "a body is sent, whoever dies over it",
    faults: { COUNT_TWICE: "complete", NO_DEDUPE: "once", NO_RECONCILER: "ends", CLOSE_FIRST: "ends" },
    small: ["-DMEMBERS=2"],
  },
];
const install = "apt-get install spin gcc libc6-dev";
/** Steps of a run; the longest that the models have is a tenth of it. */
const depth = "100000";

interface Verdict {
  readonly holds: boolean;
  readonly states: number;
  /** The steps that lead to the failure. */
  readonly trail: string;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
let [passed, failed, skipped] = [0, 0, 0];
const note = (good: boolean, text: string): void => {
  if (good) passed++;
  else failed++;
  print(`${good ? "ok     " : "FAILED "} ${text}`);
};

/** A verifier of one model with these macros, in a folder of its own. */
async function build(model: string, macros: readonly string[], folder: string): Promise<void> {
  await copyFile(join(root, "test/models", `${model}.pml`), join(folder, "model.pml"));
  const made = await run("spin", ["-a", ...macros, "model.pml"], { cwd: folder, output: "keep" });
  if (made.code !== 0) throw new Error(`spin does not read ${model}.pml:\n${made.text}`);
  const compiled = await run("cc", ["-O1", "-DNFAIR=3", "-o", "pan", "pan.c"], { cwd: folder, output: "keep" });
  if (compiled.code !== 0) throw new Error(`the verifier of ${model}.pml does not compile:\n${compiled.text}`);
}

async function verify(property: string, macros: readonly string[], folder: string): Promise<Verdict> {
  await rm(join(folder, "model.pml.trail"), { force: true });
  // `-f`: weak fairness, whoever can go on does so at last.
  const fair = property === "ends" ? ["-f"] : [];
  const pan = await run("./pan", ["-a", ...fair, `-m${depth}`, "-N", property], { cwd: folder, output: "keep" });
  const errors = /errors: (\d+)/.exec(pan.text)?.[1];
  // A search that was cut short has shown nothing.
  if (errors === undefined || /max search depth too small|out of memory/.test(pan.text))
    throw new Error(`no verdict on ${property}:\n${pan.text}`);
  const states = Number(/(\d+(?:\.\d+e\+\d+)?) states, stored/.exec(pan.text)?.[1] ?? 0);
  if (errors === "0") return { holds: true, states, trail: "" };
  const replay = await run("spin", ["-t", "-p", "-g", "-l", ...macros, "model.pml"], { cwd: folder, output: "keep" });
  return { holds: false, states, trail: replay.text };
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-model-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function prove({ name, always, ends }: Model): Promise<void> {
  await inFolder(async (folder) => {
    await build(name, [], folder);
    for (const [property, meaning] of Object.entries({ ...always, ends })) {
      const { holds, states, trail } = await verify(property, [], folder);
      note(holds, `${name}: ${meaning} (${String(states)} states)`);
      if (!holds) print(trail);
    }
  });
}

async function seed({ name, faults, small }: Model): Promise<void> {
  for (const [fault, property] of Object.entries(faults)) {
    const macros = [`-D${fault}`, ...small];
    await inFolder(async (folder) => {
      await build(name, macros, folder);
      const { holds, trail } = await verify(property, macros, folder);
      const steps = /trail ends after (\d+) steps/.exec(trail)?.[1];
      note(
        !holds && steps !== undefined,
        `${name} with ${fault}: ${holds ? `"${property}" does not notice it` : `"${property}" notices it after ${steps ?? "?"} steps`}`,
      );
    });
  }
}

const only = process.argv[2];
const chosen = models.filter(({ name }) => only === undefined || name === only);
if (chosen.length === 0) {
  process.stderr.write(`usage: npm run models [-- ${models.map(({ name }) => name).join("|")}]\n`);
  process.exit(2);
}
const missing: string[] = [];
for (const [program, version] of [
  ["spin", "-V"],
  ["cc", "--version"],
] as const)
  if ((await run(program, [version], { output: "keep" })).code === 127) missing.push(program);
if (missing.length > 0) {
  const count = chosen.reduce((sum, { always, faults }) => sum + Object.keys({ ...always, ...faults }).length + 1, 0);
  print(
    `SKIPPED for want of ${missing.join(" and ")} (install with: ${install}): ${chosen.map(({ name }) => name).join(", ")}`,
  );
  if (process.env["CELERIAC_REQUIRE"] === "all") failed = count;
  else skipped = count;
} else {
  for (const model of chosen) {
    await prove(model);
    await seed(model);
  }
}
print(`\n${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
