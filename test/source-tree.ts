/** The sources as the architecture test sees them: every file with its text, its room and what it imports. Read once. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export const root: string = join(import.meta.dirname, "..");

/** One `import` or `export … from` of a module of this tree. */
export interface Import {
  /** Path from the root of the repository. */
  readonly target: string;
  /** "type" leaves nothing at run time; "lazy" is `import()`. */
  readonly kind: "static" | "type" | "lazy";
}
export interface SourceFile {
  /** Path from the root of the repository, "src/wire/json.ts". */
  readonly path: string;
  readonly text: string;
  /** Tests, and what only tests load. */
  readonly test: boolean;
  /** "wire", "driver/redis"; "" for files that stand in `src` itself. */
  readonly room: string;
  readonly imports: readonly Import[];
  /** Packages and Node's modules, as written. */
  readonly packages: readonly string[];
}

/** All TypeScript files below `folder` ("src", "test"), sorted by path. */
export function readTree(folder: string): readonly SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes("node_modules"))
    .toSorted()
    .map(read);
}

/** The text without comments, line breaks kept, so that words in prose are not taken for code. */
export function withoutComments(text: string): string {
  return text
    .replace(/\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""))
    .replace(/(^|[\s;,{}()])\/\/.*$/gm, "$1");
}

function read(path: string): SourceFile {
  const text = readFileSync(join(root, path), "utf8");
  const code = withoutComments(text);
  const imports: Import[] = [];
  const packages: string[] = [];
  const add = (specifier: string, kind: Import["kind"]): void => {
    if (specifier.startsWith(".")) imports.push({ target: join(dirname(path), specifier), kind });
    else packages.push(specifier);
  };
  for (const [, type, specifier = ""] of code.matchAll(
    /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{][^;"']*?\sfrom\s+)?["']([^"'\n]+)["']/gm,
  )) {
    add(specifier, type === undefined ? "static" : "type");
  }
  // Messages show users how to write an import; they are texts, not imports.
  const bare = code.replace(/'[^'\n]*\bimport\([^'\n]*'|`[^`]*\bimport\([^`]*`/g, '""');
  for (const [, specifier = ""] of bare.matchAll(/(?<!typeof )\bimport\(\s*["']([^"'\n]+)["']/g))
    add(specifier, "lazy");
  const [, first = "", second = ""] = path.split("/");
  const room = path.split("/").length <= 2 ? "" : first === "driver" ? `driver/${second}` : first;
  return { path, text, test: /\.test(-d)?\.ts$|\/fixtures\//.test(path), room, imports, packages };
}
