/**
 * Declarations of the tasks that running Python workers have: asks the workers for names, Python for signatures, and writes a module of
 * `app.remote` declarations. Refuses to write over a file that it did not write.
 */

import { readFile, writeFile } from "node:fs/promises";
import { dirname, relative, resolve, sep } from "node:path";
import { redactUrl } from "../app/connect.ts";
import { ask } from "../control/ask.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import { clean } from "../wire/visible-text.ts";
import { type DeclaredTask, declareTasks, moduleText, signature } from "./declaration-module.ts";
import { exitCode, UsageError } from "./failure.ts";
import { type Finding, readSignatures } from "./signature-reader.ts";
import type { Session } from "./target.ts";
import { paint, printJson, printLine, printTable } from "./terminal.ts";

export interface TypesFlags {
  readonly app?: string;
  readonly module?: readonly string[];
  readonly python: string;
  readonly path?: readonly string[];
  readonly stubs?: readonly string[];
  /** False after `--no-import`. */
  readonly import: boolean;
  readonly timeout: string;
  readonly destination?: readonly string[];
  readonly out?: string;
  readonly json?: boolean;
}

/** A task that somebody has registered. */
interface Registered {
  readonly name: string;
  /** The Python module of its function, as the worker says. */
  readonly module: string | undefined;
  readonly workers: readonly string[];
}

export async function printTypes(session: Session, flags: TypesFlags): Promise<number> {
  const out = flags.out === undefined ? undefined : resolve(flags.out);
  if (out !== undefined) await checkOurs(out);
  const registered = await askForTasks(session, flags);
  const findings = await signaturesOf(session, registered, flags);
  const found = registered.map((task) => ({
    name: task.name,
    module: modulesOf(task, {})[0] ?? "",
    finding: findings[task.name] ?? { problem: "signatures were left out" },
  }));
  const tasks = declareTasks(found);
  const text = moduleText(tasks, importOf(flags.app, out));
  if (out !== undefined) await writeFile(out, text);

  const workersOf = new Map(registered.map(({ name, workers }) => [name, workers]));
  if (flags.json === true) printJson(tasks.map((task) => facts(task, workersOf.get(task.name) ?? [])));
  else if (out === undefined) {
    process.stdout.write(text);
    for (const trouble of new Set(tasks.map(({ finding }) => troubleOf(finding))))
      if (trouble !== undefined) warn(trouble);
  } else {
    printTable<DeclaredTask>(
      [
        { title: "task", cell: ({ name }) => name },
        { title: "constant", cell: ({ constant }) => constant },
        { title: "signature from", cell: ({ finding }) => ("problem" in finding ? "nowhere" : finding.source) },
        { title: "", cell: ({ finding }) => troubleOf(finding) ?? "" },
      ],
      tasks,
    );
    printLine(`\nwrote ${flags.out ?? ""}: ${String(tasks.length)} declarations`);
  }
  return exitCode.done;
}

const troubleOf = (finding: Finding): string | undefined => ("problem" in finding ? finding.problem : finding.note);

const warn = (text: string): void =>
  void process.stderr.write(`${paint("yellow", "warning", process.stderr)}: ${clean(text)}\n`);

const facts = ({ name, constant, module, type, finding }: DeclaredTask, workers: readonly string[]): object => ({
  name,
  constant,
  module,
  workers,
  type,
  ...("problem" in finding
    ? { problem: finding.problem }
    : { source: finding.source, file: finding.file, note: finding.note }),
});

async function askForTasks(session: Session, flags: TypesFlags): Promise<readonly Registered[]> {
  const { backend, core } = session;
  const { destination } = flags;
  const timeout = durationMs(flags.timeout as Duration, "--timeout");
  const question = { method: "registered", arguments: { taskinfoitems: ["__module__"] }, destination, timeout };
  // Ends by itself, with the silence.
  const answers = await ask(backend.bus, question, core.clock, new AbortController().signal);
  const own = session.named ? await core.load() : undefined;
  const tasks = new Map<string, Registered>();
  for (const [worker, answer] of answers) {
    for (const entry of Array.isArray(answer) ? (answer as readonly unknown[]) : []) {
      // "proj.tasks.add [__module__=proj.tasks]"; a worker that knows no module says the name alone.
      const [, name = "", module] = /^(.+?)(?: \[(?:__module__=)?([^\]]*)\])?$/s.exec(String(entry)) ?? [];
      if (name === "" || own?.get(name)?.handler !== undefined) continue;
      const before = tasks.get(name);
      tasks.set(name, { name, module: before?.module ?? module, workers: [...(before?.workers ?? []), worker] });
    }
  }
  if (tasks.size === 0) throw nothing(session, answers, flags);
  return [...tasks.values()];
}

function nothing({ core }: Session, answers: ReadonlyMap<string, unknown>, flags: TypesFlags): CeleriacError {
  const broker = redactUrl(core.config.broker);
  const whom = flags.destination === undefined ? "No worker" : `None of ${flags.destination.join(", ")}`;
  const text =
    answers.size === 0
      ? `${whom} answered within ${flags.timeout} at ${broker}. Check that a Python worker runs on this very server, database or virtual host and key prefix, that its worker_enable_remote_control is on, and that it is not too busy: --timeout 10s waits longer.`
      : `${[...answers.keys()].join(", ")} answered at ${broker}, but without a task that this app does not have itself. Check that the worker imports the modules of its tasks (include, imports, autodiscover_tasks): \`celery inspect registered\` must list them.`;
  return new CeleriacError("NO_REMOTE_TASKS", text, { details: { answered: [...answers.keys()] } });
}

function signaturesOf(
  { core }: Session,
  tasks: readonly Registered[],
  flags: TypesFlags,
): Promise<Readonly<Record<string, Finding>>> {
  if (flags.python === "none") return Promise.resolve({});
  return readSignatures(
    {
      python: flags.python,
      paths: (flags.path ?? ["."]).map((folder) => resolve(folder)),
      stubs: (flags.stubs ?? []).map((folder) => resolve(folder)),
      import: flags.import,
      tasks: tasks.map((task) => ({ name: task.name, modules: modulesOf(task, flags) })),
    },
    core.clock,
  );
}

/** Where the function of a task may be: as the user says, as the worker says, or as its name says. */
function modulesOf({ name, module }: Registered, { module: said }: Pick<TypesFlags, "module">): readonly string[] {
  if (said !== undefined) return said;
  const parts = name.split(".").slice(0, -1).join(".");
  // A worker started as a script calls its module `__main__`, which here would be another one.
  const best = module === undefined || module === "__main__" ? parts : module;
  // It comes from a message and is about to be imported: a name, and no path.
  return /^[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*$/u.test(best) ? [best] : [];
}

async function checkOurs(out: string): Promise<void> {
  let text: string;
  try {
    text = await readFile(out, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (text !== "" && !text.slice(0, 200).includes(signature)) {
    throw new UsageError(
      `${out} was not written by this command; it would be overwritten. Remove it first, or name another file.`,
    );
  }
}

/** The line that brings the app: the module of -A as the written file sees it, or `./app.ts` beside it. */
function importOf(app: string | undefined, out: string | undefined): string {
  const [file = "", name] = (app ?? "./app.ts").split("#");
  const from = out === undefined ? process.cwd() : dirname(out);
  const path = app === undefined ? file : relative(from, resolve(file)).split(sep).join("/");
  const names = name === undefined || name === "app" ? "app" : `${name} as app`;
  return `import { ${names} } from ${JSON.stringify(path.startsWith(".") ? path : `./${path}`)};`;
}
