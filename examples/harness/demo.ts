/**
 * The command line that demos share: `--once`, `--json`, `--broker`, `--port`, a folder that is gone afterwards, an end on Ctrl-C, and exit codes.
 * The first Ctrl-C ends politely, the second at once.
 */

import { existsSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { sayWhy } from "./skipped.ts";

/** What a demo found; more figures stand beside. */
export interface Summary {
  readonly ok: boolean;
  /** What is not as it should be, for people. */
  readonly problems: readonly string[];
}

/** What a demo is given. */
export interface Stage<S extends Summary = Summary> {
  /** Its own, gone when it ends. */
  readonly folder: string;
  /** SQLite in the folder, or what `--broker` says. */
  readonly broker: string;
  readonly port: number | undefined;
  /** Aborts with Ctrl-C. */
  readonly signal: AbortSignal;
  /** Somebody sits at a terminal and may want to look around. */
  readonly stay: boolean;
  /** The demo's own options. */
  readonly options: Readonly<Record<string, string | undefined>>;
  /** A line for people; with `--json` nothing. */
  readonly say: (text?: string) => void;
  /** Shows the summary before the demo is over: for one that then waits at a terminal. */
  readonly tell: (summary: S) => void;
}

export interface Demo<S extends Summary> {
  readonly name: string;
  /** What it shows, and its own options, for `--help`. */
  readonly about: string;
  /** Names of options of its own, each with a value. */
  readonly options?: readonly string[];
  run(stage: Stage<S>): Promise<S>;
  /** The summary for people, without its problems. */
  print(summary: S, say: Stage<S>["say"]): void;
}

/** Waits, at most for Ctrl-C: whatever the demo serves is there until then. */
export async function untilInterrupted(signal: AbortSignal): Promise<void> {
  const awake = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  clearInterval(awake);
}

/** Runs it to its end and sets the exit code. */
export async function runDemo<S extends Summary>(demo: Demo<S>): Promise<void> {
  try {
    process.exitCode = await main(demo);
  } catch (error) {
    process.exitCode = sayWhy(error);
  }
}

async function main<S extends Summary>(demo: Demo<S>): Promise<number> {
  const usage = usageOf(demo);
  let flags: Flags;
  try {
    flags = parse(demo.options ?? []);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (flags.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (!existsSync(fileURLToPath(import.meta.resolve("celeriac")))) {
    process.stderr.write(`Celeriac is not built yet: run \`npm run build\`, or \`npm run example ${demo.name}\`\n`);
    return 1;
  }
  const folder = await mkdtemp(join(tmpdir(), `celeriac-${demo.name}-`));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.once("exit", removeFolder);
  const interrupted = new AbortController();
  const onSignal = (): void => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort(new Error("interrupted"));
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const say = (text = ""): void => void (flags.json || process.stdout.write(`${text}\n`));
  let told = false;
  const tell = (summary: S): void => {
    if (told) return;
    told = true;
    if (flags.json) return void process.stdout.write(`${JSON.stringify(summary)}\n`);
    demo.print(summary, say);
    for (const problem of summary.problems) say(`PROBLEM  ${problem}`);
    say(`\n${summary.ok ? "all is well" : "NOT as it should be"}`);
  };
  const broker = flags.values["broker"] ?? `sqlite:${join(folder, "queue.db")}`;
  // Before the app's module is loaded, which reads it.
  process.env["CELERIAC_BROKER"] = broker;
  try {
    const stay = !flags.once && !flags.json && process.stdout.isTTY;
    const port = flags.values["port"];
    const summary = await demo.run({
      folder,
      broker,
      port: port === undefined ? undefined : Number(port),
      signal: interrupted.signal,
      stay,
      options: flags.values,
      say,
      tell,
    });
    tell(summary);
    return summary.ok ? 0 : 1;
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    throw error;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    removeFolder();
  }
}

interface Flags {
  readonly once: boolean;
  readonly json: boolean;
  readonly help: boolean;
  readonly values: Readonly<Record<string, string | undefined>>;
}

function parse(own: readonly string[]): Flags {
  const { values } = parseArgs({
    options: {
      once: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      ...Object.fromEntries(["broker", "port", ...own].map((name) => [name, { type: "string" as const }])),
    },
  });
  const texts = Object.fromEntries(
    Object.entries(values as Record<string, string | boolean | undefined>).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );
  const port = texts["port"];
  if (port !== undefined && !/^\d{1,5}$/.test(port)) throw new Error(`--port takes a number, not ${port}`);
  return { once: values.once, json: values.json, help: values.help, values: texts };
}

function usageOf({ name, about }: Demo<Summary>): string {
  return `Usage: npm run example ${name} -- [options]

${about}

  --once           exit after the summary, also on a terminal: 0 only if all is well
  --json           print the summary as one JSON object and nothing else; implies --once
  --broker URL     run on redis://… instead of an SQLite file in a temporary folder
  --port N         where its server listens (default: any free port)
  --help           this text
`;
}
