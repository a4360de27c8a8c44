/** Runs the tools of this repository with the Node that runs the script, so that every step uses the version `npm ci` brought. */

import { spawn } from "node:child_process";
import { join } from "node:path";

export const root: string = join(import.meta.dirname, "..");

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** "show" passes the output on; "keep" collects it and shows nothing. */
  readonly output?: "show" | "keep";
}
export interface Ran {
  readonly code: number;
  /** Both streams in the order they came; empty with `output: "show"`. */
  readonly text: string;
}

/** Runs a program to its end. A program that cannot be started counts as code 127; one ended by a signal as 128 + its number. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const kept: Buffer[] = [];
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: options.output === "keep" ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
    });
    child.stdout?.on("data", (data: Buffer) => kept.push(data));
    child.stderr?.on("data", (data: Buffer) => kept.push(data));
    child.on("error", (error) => resolve({ code: 127, text: `${program}: ${error.message}\n` }));
    child.on("close", (code, signal) =>
      resolve({ code: code ?? (signal === "SIGINT" ? 130 : 137), text: Buffer.concat(kept).toString() }),
    );
  });
}

/** The path of a tool that the lockfile brought. */
export const tool = (name: string): string => join(root, "node_modules", ".bin", name);
