/** `npm run example frameworks`: the same small API in five frameworks, one after the other before the same questions. */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { runDemo, type Stage, type Summary } from "../harness/demo.ts";
import { ServerProcess } from "../harness/server-process.ts";
import { WorkerProcess } from "../harness/worker-process.ts";
import { buildNest } from "./nest-build.ts";
import { buildNext, next } from "./next-build.ts";
import { ask } from "./questions.ts";

interface Outcome extends Summary {
  readonly questions: readonly string[];
  /** For each framework the questions whose answer was not as it should be. */
  readonly wrong: Readonly<Record<string, readonly string[]>>;
  readonly seconds: number;
}

interface Start {
  readonly script: URL;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const ours = (script: string): Start => ({ script: new URL(script, import.meta.url) });

/** `project` is the folder in which Next was built. */
const serversWith = (project: string): Readonly<Record<string, Start>> => ({
  Fastify: ours("fastify.ts"),
  Express: ours("express.ts"),
  Hono: ours("hono.ts"),
  Nest: ours("dist/nest.js"),
  Next: {
    script: next,
    args: ["start", "--hostname", "127.0.0.1", project],
    env: { NEXT_MANUAL_SIG_HANDLE: "true", NEXT_TELEMETRY_DISABLED: "1" },
  },
});

async function run({ folder, broker, signal, say }: Stage<Outcome>): Promise<Outcome> {
  const began = performance.now();
  const worker = new WorkerProcess({
    app: new URL("app.ts", import.meta.url),
    broker,
    name: "packer",
    lease: "30s",
    args: ["-c", "4"],
  });
  const answers: Record<string, Readonly<Record<string, boolean>>> = {};
  try {
    say("building for Nest and Next");
    const [project] = await Promise.all([buildNext(signal), buildNest(signal), worker.ready(signal)]);
    let number = 1;
    for (const [name, { script, args, env }] of Object.entries(serversWith(project))) {
      say(name);
      const [journal, token] = [join(folder, `${name}.txt`), randomUUID()];
      const settings = {
        BACKGROUND: `sqlite:${join(folder, `${name}.db`)}`,
        HISTORY: join(folder, `${name}-dashboard.db`),
        JOURNAL: journal,
        OPS_TOKEN: token,
        PORT: "0",
        ...env,
      };
      await using server = await ServerProcess.start(script, settings, args);
      answers[name] = await ask({ server, number, journal, token, signal });
      number += 2;
    }
  } finally {
    await worker.stop(8000);
  }
  const wrong = Object.fromEntries(
    Object.entries(answers).map(([name, all]) => [name, Object.keys(all).filter((question) => all[question] !== true)]),
  );
  const problems = Object.entries(wrong).flatMap(([name, questions]) =>
    questions.map((question) => `${name}: it is not so that ${question}`),
  );
  const questions = Object.keys(Object.values(answers)[0] ?? {});
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  return { ok: problems.length === 0, questions, wrong, seconds, problems };
}

await runDemo<Outcome>({
  name: "frameworks",
  about: "The same small API in Fastify, Express, Hono, Nest and Next, each before the same questions.",
  run,
  print: ({ questions, wrong, seconds }, say) => {
    const width = Math.max(...questions.map((question) => question.length));
    const line = (first: string, cells: readonly string[]): void =>
      say(`${first.padEnd(width)}   ${cells.map((cell) => cell.padEnd(9)).join("")}`.trimEnd());
    say();
    line("", Object.keys(wrong));
    for (const question of questions) {
      const cells = Object.values(wrong).map((bad) => (bad.includes(question) ? "NO" : "yes"));
      line(question, cells);
    }
    say(`\n${seconds} s`);
  },
});
