/** `celery`, the command line of the column's release. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Finished } from "../server/command-line.ts";
import type { Stage } from "./stage.ts";

const commands = fileURLToPath(new URL("./python/commands.py", import.meta.url));

/** As a process of its own. */
export function celery({ place, broker }: Stage, ...args: readonly string[]): Promise<Finished> {
  return run(place.release.interpreter, ["-m", "celery", "-b", broker, ...args]);
}

/** Of many, the answers of the one node that they are for: `inspect` prints a record, `control` a list of them. */
export async function answersOf(
  { place, broker }: Stage,
  node: string,
  lines: readonly (readonly [kind: "inspect" | "control", ...words: readonly string[]])[],
): Promise<readonly unknown[]> {
  const words = lines.map(([kind, ...rest]) => ["-b", broker, kind, "-d", node, "-t", "60", "-j", ...rest]);
  const { stdout, stderr } = await run(place.release.interpreter, [commands, JSON.stringify(words)]);
  if (stdout === "") throw new Error(stderr);
  const told = JSON.parse(stdout) as readonly { readonly code: number; readonly text: string }[];
  return told.map(({ code, text }, index) => {
    const line = text.split("\n").find((one) => /^[[{]/.test(one));
    if (line === undefined)
      throw new Error(`celery ${lines[index]?.join(" ") ?? ""} ended with ${String(code)}: ${text}`);
    const parsed = JSON.parse(line) as Record<string, unknown> | readonly Record<string, unknown>[];
    const [answers = {}] = Array.isArray(parsed) ? (parsed as readonly Record<string, unknown>[]) : [parsed];
    return (answers as Record<string, unknown>)[node];
  });
}

async function run(program: string, args: readonly string[]): Promise<Finished> {
  const child = spawn(program, args, {
    env: { ...process.env, PYTHONWARNINGS: "ignore", PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (chunks.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (chunks.stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? -1, ...chunks };
}
