/** A module of `app.remote` declarations, one a task, grouped by the Python module that has it. */

import { clean } from "../wire/visible-text.ts";
import { callType, comment, identifier, unknownCall } from "./declaration.ts";
import type { Finding } from "./signature-reader.ts";

export interface FoundTask {
  readonly name: string;
  /** Where Python has it; empty if nobody knows. */
  readonly module: string;
  /** Where its workers take it from; empty if that is the app's default queue. */
  readonly queues: readonly string[];
  readonly finding: Finding;
}
export interface DeclaredTask extends FoundTask {
  /** Name of the constant. */
  readonly constant: string;
  /** The function type. */
  readonly type: string;
}

/** In the first lines of every module that is written here, and nowhere else. */
export const signature = "written by `celeriac types`";

/** Classes of ours that a declaration may name. */
const ours = ["Decimal", "PlainDate", "PlainTime", "Uuid"];

/** Sorted by module and name, each with a constant of its own. */
export function declareTasks(tasks: readonly FoundTask[]): readonly DeclaredTask[] {
  const sorted = tasks.toSorted((a, b) => compare(a.module, b.module) || compare(a.name, b.name));
  const taken = new Set(["app", ...ours]);
  return sorted.map((task) => ({
    ...task,
    constant: constantFor(task.name, sorted, taken),
    type: "problem" in task.finding ? unknownCall : callType(task.finding),
  }));
}

/** The last part of the name; where several tasks end alike or the word is taken, as many parts as make it differ. */
function constantFor(name: string, tasks: readonly FoundTask[], taken: Set<string>): string {
  const depths = name.split(".").keys();
  const others = tasks.filter((task) => task.name !== name);
  const fitting = [...depths].find((depth) => {
    const word = ending(name, depth);
    return !taken.has(word) && others.every((other) => ending(other.name, depth) !== word);
  });
  const stem = ending(name, fitting ?? Infinity);
  let word = stem;
  for (let again = 2; taken.has(word); again++) word = `${stem}_${String(again)}`;
  taken.add(word);
  return word;
}

const ending = (name: string, depth: number): string =>
  identifier(
    name
      .split(".")
      .slice(-1 - depth)
      .join("_"),
  );
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The text of the module. `app` is how it gets the app: `import { app } from "./app.ts"`. */
export function moduleText(tasks: readonly DeclaredTask[], app: string): string {
  const used = ours.filter((name) =>
    tasks.some(({ type }) => new RegExp(`\\b${name}\\b`).test(type.replace(/"(?:[^"\\]|\\.)*"|\/\*.*?\*\//g, ""))),
  );
  const lines = [
    `/** Tasks of Python workers, ${signature}. Run it again when they change: what is edited here is lost then. */`,
    "",
  ];
  if (used.length > 0) lines.push(`import type { ${used.join(", ")} } from "celeriac";`);
  lines.push(app);
  for (const [module, members] of Map.groupBy(tasks, (task) => task.module)) {
    lines.push("", `// ${comment(module === "" ? "of no module" : module)}`);
    for (const task of members) {
      const named = clean(JSON.stringify(task.name)) + queueOption(task);
      lines.push("", ...docLines(task), `export const ${task.constant} = app.remote<${task.type}>(${named});`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Workers that take from several queues do not say from which this task. */
function queueOption({ queues: [only, second] }: FoundTask): string {
  return only === undefined || second !== undefined ? "" : `, { queue: ${clean(JSON.stringify(only))} }`;
}

/** The first paragraph of the docstring, or why the signature is not known; and the queues to choose from. */
function docLines({ finding, queues }: FoundTask): readonly string[] {
  const text = "problem" in finding ? `Signature unknown: ${finding.problem}.` : finding.doc.split(/\n\s*\n/)[0];
  const choice = queues.length > 1 ? `Its workers take from the queues ${queues.join(", ")}.` : "";
  const lines = `${text ?? ""}\n${choice}`
    .split("\n")
    .map((line) => comment(line.trim()))
    .filter((line) => line !== "");
  if (lines.length < 2) return lines.map((line) => `/** ${line} */`);
  return ["/**", ...lines.map((line) => ` * ${line}`), " */"];
}
