/**
 * Declarations of the tasks that running Python workers have: asks the workers for names, Python for signatures, and writes a module of
 * `app.remote` declarations. Refuses to write over a file that it did not write.
 */

import { readFile, writeFile } from "node:fs/promises";
import { dirname, relative, resolve, sep } from "node:path";
import { clean } from "../wire/visible-text.ts";
import { type DeclaredTask, declareTasks, moduleText, signature } from "./declaration-module.ts";
import { exitCode, UsageError } from "./failure.ts";
import { type AskFlags, askForTasks, type RegisteredTask } from "./registered-tasks.ts";
import { type Finding, readSignatures } from "./signature-reader.ts";
import type { Session } from "./target.ts";
import { paint, printJson, printLine, printTable } from "./terminal.ts";

export interface TypesFlags extends AskFlags {
  readonly app?: string;
  readonly module?: readonly string[];
  readonly python: string;
  readonly path?: readonly string[];
  readonly stubs?: readonly string[];
  /** False after `--no-import`. */
  readonly import: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

export async function printTypes(session: Session, flags: TypesFlags): Promise<number> {
  const out = flags.out === undefined ? undefined : resolve(flags.out);
  if (out !== undefined) await checkOurs(out);
  const registered = await askForTasks(session, flags);
  const findings = await signaturesOf(session, registered, flags);
  const { defaultQueue } = session.core.config;
  const found = registered.map((task) => ({
    name: task.name,
    module: modulesOf(task, {})[0] ?? "",
    queues: task.queues.join() === defaultQueue ? [] : task.queues,
    finding: findings[task.name] ?? { problem: "signatures were left out" },
  }));
  const tasks = declareTasks(found);
  const text = moduleText(tasks, importOf(flags.app, out));
  if (out !== undefined) await writeFile(out, text);

  const byName = new Map(registered.map((task) => [task.name, task]));
  if (flags.json === true) printJson(tasks.map((task) => facts(task, byName.get(task.name))));
  else if (out === undefined) {
    process.stdout.write(text);
    for (const trouble of new Set(tasks.map(({ finding }) => troubleOf(finding))))
      if (trouble !== undefined) warn(trouble);
  } else {
    printTable<DeclaredTask>(
      [
        { title: "task", cell: ({ name }) => name },
        { title: "constant", cell: ({ constant }) => constant },
        { title: "queue", cell: ({ name }) => byName.get(name)?.queues.join(", ") ?? "" },
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

const facts = (
  { name, constant, module, type, finding }: DeclaredTask,
  registered: RegisteredTask | undefined,
): object => ({
  name,
  constant,
  module,
  workers: registered?.workers,
  queues: registered?.queues,
  type,
  ...("problem" in finding
    ? { problem: finding.problem }
    : { source: finding.source, file: finding.file, note: finding.note }),
});

function signaturesOf(
  { core }: Session,
  tasks: readonly RegisteredTask[],
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
function modulesOf({ name, module }: RegisteredTask, { module: said }: Pick<TypesFlags, "module">): readonly string[] {
  if (said !== undefined) return said;
  const parts = name.split(".").slice(0, -1).join(".");
  // A worker started as a script calls its module `__main__`, which here would be another one.
  const best = module === "__main__" ? parts : module;
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
