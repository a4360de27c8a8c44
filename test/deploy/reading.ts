/** What lies in deploy/, as tests and the image's steps read it. */

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { root } from "../source-tree.ts";

export const folder: string = join(root, "deploy");

export const text = (path: string): string => readFileSync(join(folder, path), "utf8");

/** Documents of a YAML file, anchors and merge keys followed; throws where it is not sound. */
export function documents(path: string): readonly Node[] {
  return parseAllDocuments(text(path), { merge: true }).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS() as Node;
  });
}

export const filesIn = (path: string): readonly string[] =>
  readdirSync(join(folder, path)).map((name) => `${path}/${name}`);

/** A mapping of YAML. */
export type Node = { readonly [key: string]: unknown };

/** Goes down by names and numbers; `undefined` where there is nothing. */
export function at(node: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Readonly<Record<string | number, unknown>> | undefined)?.[key],
    node,
  );
}

export const list = (node: unknown, ...path: readonly (string | number)[]): readonly Node[] =>
  (at(node, ...path) ?? []) as readonly Node[];

/** One instruction of a Dockerfile, continued lines joined. */
export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** Stages of a Dockerfile, each from its FROM on. */
export function stages(): readonly (readonly Instruction[])[] {
  const stages: Instruction[][] = [];
  for (const line of text("Dockerfile").replaceAll("\\\n", " ").split("\n")) {
    const [, name = "", rest = ""] = /^([A-Z]+) +(.+)$/.exec(line) ?? [];
    if (name === "FROM") stages.push([]);
    if (name !== "") stages.at(-1)?.push({ name, rest });
  }
  return stages;
}

/** `ENTRYPOINT` or `CMD` of the last stage; throws where it is not in the exec form. */
export function execForm(name: string): readonly string[] {
  const found = stages()
    .at(-1)
    ?.findLast((instruction) => instruction.name === name);
  return JSON.parse(found?.rest ?? "") as string[];
}
