/** Podman or Docker, whichever is there, and what brings a compose file up with it. Nothing is pulled but what is asked for by name. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

export interface Said {
  readonly code: number;
  /** Both streams. */
  readonly text: string;
  readonly stdout: string;
}

/** As Node's execFile fails. */
interface Failure {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, at most `limit` ms. A program that is not there counts as code 127. */
export async function attempt(
  [program = "", ...args]: readonly string[],
  { limit = 120_000, cwd, env }: { limit?: number; cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Said> {
  const options = { timeout: limit, maxBuffer: 64 << 20, env: { ...process.env, ...env }, ...(cwd && { cwd }) };
  try {
    const { stdout, stderr } = await execute(program, args, options);
    return { code: 0, stdout, text: stdout + stderr };
  } catch (error) {
    const { code, stdout = "", stderr = "", message } = error as Error & Partial<Failure>;
    const number = typeof code === "number" ? code : code === "ENOENT" ? 127 : 1;
    return { code: number, stdout, text: `${stdout}${stderr}` || message };
  }
}

export class Engine {
  readonly program: "podman" | "docker";
  readonly #compose: readonly string[];

  private constructor(program: "podman" | "docker", compose: readonly string[]) {
    this.program = program;
    this.#compose = compose;
  }

  /** The first that works, or why there is none. `CELERIAC_COMPOSE` names another program for compose files. */
  static async find(): Promise<Engine | string> {
    const named = process.env["CELERIAC_COMPOSE"];
    for (const program of ["podman", "docker"] as const) {
      if ((await attempt([program, "info"])).code !== 0) continue;
      const compose = named?.split(" ") ?? (program === "docker" ? ["docker", "compose"] : ["podman-compose"]);
      if ((await attempt([...compose, "--version"])).code === 0) return new Engine(program, compose);
      return `${compose.join(" ")} does not work; pip install podman-compose, or say with CELERIAC_COMPOSE what does`;
    }
    return "neither podman nor docker works here; apt-get install podman";
  }

  /** Rejects with what was said where it fails; resolves with standard output. */
  async run(args: readonly string[], limit?: number): Promise<string> {
    return passed(`${this.program} ${args.join(" ")}`, await attempt([this.program, ...args], given(limit)));
  }

  try(args: readonly string[], limit?: number): Promise<Said> {
    return attempt([this.program, ...args], given(limit));
  }

  async compose(folder: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
    const words = [...this.#compose, ...args];
    return passed(words.join(" "), await attempt(words, { limit: 300_000, cwd: folder, env }));
  }

  async hasImage(name: string): Promise<boolean> {
    return (await this.try(["image", "inspect", name])).code === 0;
  }
}

const given = (limit: number | undefined): { limit?: number } => (limit === undefined ? {} : { limit });

/** Its standard output; throws what was said where it failed. */
export function passed(command: string, { code, text, stdout }: Said): string {
  if (code !== 0)
    throw new Error(`${command} ended with ${String(code)}:\n${text.trim().split("\n").slice(-15).join("\n")}`);
  return stdout.trim();
}
