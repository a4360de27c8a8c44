/**
 * The reference, from the declarations that the package ships: for each door its symbols, each with its comment, its example and its declaration.
 * What is exported from elsewhere is followed to where it is declared.
 */

import { readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

export interface Symbol {
  readonly name: string;
  readonly kind: string;
  /** Of the comment, without its examples. */
  readonly text: string;
  readonly example: string | undefined;
  /** All of them, also those of its members. */
  readonly examples: readonly string[];
  readonly declaration: string;
  /** Where it is declared, below src/. */
  readonly file: string;
}
export interface Door {
  /** As it is imported: "celeriac/testing". */
  readonly name: string;
  readonly symbols: readonly Symbol[];
}

/** `folder`: what tsc has made of src/, declarations alone; `exports`: those of package.json. */
export async function readDoors(folder: string, exports: Readonly<Record<string, unknown>>): Promise<readonly Door[]> {
  const doors: Door[] = [];
  for (const [path, target] of Object.entries(exports)) {
    if (typeof target !== "object" || target === null) continue;
    const { types } = target as { readonly types: string };
    const symbols = await exported(join(folder, types.replace("./dist/", "")), folder);
    doors.push({
      name: path === "." ? "celeriac" : `celeriac/${path.slice(2)}`,
      symbols: symbols.toSorted((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1)),
    });
  }
  return doors;
}

async function exported(file: string, folder: string): Promise<readonly Symbol[]> {
  const text = await readFile(file, "utf8");
  const symbols = declaredIn(text, relative(folder, file).replace(/\.d\.ts$/, ".ts"));
  const found = symbols.filter(({ exported: is }) => is);
  for (const [, names = "", from = ""] of text.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)"/gm)) {
    const there = await exported(join(dirname(file), from.replace(/\.(?:ts|js)$/, ".d.ts")), folder);
    for (const part of names.split(",").map((name) => name.trim().replace(/^type /, ""))) {
      if (part === "") continue;
      const [inner = part, outer = inner] = part.split(" as ");
      const symbol = there.find(({ name }) => name === inner);
      if (symbol === undefined) throw new Error(`${file}: ${inner} is not declared in ${from}`);
      found.push({ ...symbol, name: outer, exported: true });
    }
  }
  // Declared above, exported below.
  for (const [, names = ""] of text.matchAll(/^export \{([^}]*)\};/gm))
    for (const name of names.split(",").map((one) => one.trim().replace(/^type /, "")))
      found.push(...symbols.filter((symbol) => symbol.name === name && !symbol.exported));
  return found;
}

const start =
  /(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n)?^(export )?(?:declare )?(?:default )?(?:abstract )?(class|function|interface|type|const|enum) (\w+)/gm;

function declaredIn(text: string, file: string): (Symbol & { readonly exported: boolean })[] {
  const symbols: (Symbol & { exported: boolean })[] = [];
  for (const found of text.matchAll(start)) {
    const [whole, comment = "", out, kind = "", name = ""] = found;
    const at = found.index + whole.lastIndexOf(`${kind} ${name}`);
    const declaration = text.slice(at, endOf(text, at));
    const earlier = symbols.find((symbol) => symbol.name === name);
    if (earlier !== undefined) {
      // A further overload, or a type beside its value.
      const examples = [...earlier.examples, ...examplesIn(comment + declaration)];
      symbols[symbols.indexOf(earlier)] = {
        ...earlier,
        examples,
        declaration: `${earlier.declaration}\n${declaration}`,
      };
      continue;
    }
    const examples = examplesIn(comment + declaration);
    symbols.push({ name, kind, file, declaration, examples, exported: out !== undefined, ...readComment(comment) });
  }
  return symbols;
}

/** Behind the brace or the semicolon that ends what begins at `from`. Comments and texts may hold either. */
function endOf(text: string, from: number): number {
  let depth = 0;
  for (const found of text.slice(from).matchAll(/\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\])*"|`[^`]*`|[{}();[\]]/g)) {
    const [token] = found;
    const end = from + found.index + token.length;
    if ("{([".includes(token)) depth++;
    else if ("})]".includes(token)) {
      depth--;
      if (
        depth === 0 &&
        token === "}" &&
        /^\s*(?:$|\n(?:export|\/\*\*|declare|\}|import|type|interface))/.test(text.slice(end))
      )
        return end;
    } else if (token === ";" && depth === 0) return end;
  }
  return text.length;
}

/** Of a comment: what it says, and its first example. */
export function readComment(comment: string): { readonly text: string; readonly example: string | undefined } {
  const lines = comment
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
    .join("\n")
    .trim();
  const [text = "", ...examples] = lines.split(/^@example\b/m);
  const example = /```ts\n([^]*?)```/.exec(examples[0] ?? "")?.[1];
  return { text: text.replace(/\{@link ([\w.]+)\}/g, "`$1`").trim(), example };
}

/** Every example of the comments in a declaration. */
function examplesIn(text: string): readonly string[] {
  return [...text.matchAll(/\* @example\b[^`]*```ts\n([^]*?)```/g)].map(([, code = ""]) =>
    code.replace(/^ *\* ?/gm, "").trimEnd(),
  );
}
