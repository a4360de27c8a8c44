/** Has every public name that needs one an example, and does each compile as it stands? */

import { compile } from "./compile.ts";
import { prelude } from "./prelude.ts";
import type { Door, Symbol } from "./reference.ts";

export interface CheckedExamples {
  readonly examples: number;
  readonly wrong: readonly string[];
}

export async function checkExamples(doors: readonly Door[]): Promise<CheckedExamples> {
  const wrong: string[] = [];
  const names = new Map<string, string>();
  const texts = new Map(Object.entries(prelude).map(([name, text]) => [`examples/${name}`, text]));
  // One name may be exported by several doors.
  const symbols = new Map(
    doors.flatMap((door) => door.symbols.map((symbol) => [`src/${symbol.file}: ${symbol.name}`, symbol] as const)),
  );
  for (const [name, symbol] of symbols) {
    if (symbol.examples.length === 0 && needsExample(symbol)) wrong.push(`${name} has no example`);
    for (const code of symbol.examples) {
      const file = `examples/${String(names.size)}.ts`;
      names.set(file, name);
      texts.set(file, code);
    }
  }
  for (const { file, line, text } of await compile(texts))
    wrong.push(`${names.get(file) ?? file}, line ${String(line)} of its example: ${text}`);
  return { examples: names.size, wrong };
}

/**
 * What is called, made or filled in is shown: functions, classes, constants, and interfaces that have a method or something that may be left
 * out. Excused are type aliases, and plain records, whose properties are all there always, and none a function.
 */
export function needsExample({ kind, declaration }: Pick<Symbol, "kind" | "declaration">): boolean {
  if (kind === "type") return false;
  if (kind !== "interface") return true;
  const code = declaration.replace(/\/\*[^]*?\*\//g, "");
  return /^ {4}(?:readonly )?(?:\w+\?|[\w[\]]*(?:<[^]*?>)?\(|\w+: (?:<[^(]*>)?\([^)]*\) =>)/m.test(code);
}
