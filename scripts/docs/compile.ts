/** Examples compiled as a careful user would compile them: all in one program, with the package read from its sources. */

import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { root, run, tool } from "../process.ts";

export interface CompileError {
  /** The key of the file. */
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** `files`: their texts, by paths of one folder each ("learn/line-7.ts"). Each is a module. Throws if the compiler itself cannot be used. */
export async function compile(files: ReadonlyMap<string, string>): Promise<readonly CompileError[]> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-examples-"));
  try {
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    for (const [path, text] of files) {
      await mkdir(join(folder, dirname(path)), { recursive: true });
      await writeFile(join(folder, path), path.endsWith(".d.ts") ? text : `${text}\nexport {};\n`);
    }
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(await config()));
    const { code, text } = await run(tool("tsc"), ["-p", folder, "--pretty", "false"], { cwd: folder, output: "keep" });
    const errors = [...text.matchAll(/^(\S+?\.ts)\((\d+),\d+\): error (.+(?:\n +.+)*)/gm)].map(
      ([, file = "", line, told = ""]) => ({ file: normalize(file), line: Number(line), text: told }),
    );
    if (code !== 0 && errors.length === 0) throw new Error(`tsc ended with ${String(code)}: ${text}`);
    return errors;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function config(): Promise<object> {
  const { exports } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
  };
  const paths = Object.entries(exports).flatMap(([path, target]) =>
    typeof target === "string"
      ? []
      : [
          [
            path.replace(/^\./, "celeriac"),
            [join(root, target.types.replace("./dist/", "src/").replace(".d.ts", ".ts"))],
          ],
        ],
  );
  return {
    compilerOptions: {
      target: "es2024",
      lib: ["es2024", "esnext.disposable", "esnext.array"],
      module: "nodenext",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      allowImportingTsExtensions: true,
      erasableSyntaxOnly: true,
      // Nest's.
      experimentalDecorators: true,
      verbatimModuleSyntax: true,
      skipLibCheck: true,
      noEmit: true,
      types: ["node"],
      paths: Object.fromEntries(paths) as object,
    },
    include: ["*/*.ts"],
  };
}
