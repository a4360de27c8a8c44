/** Asks for passwords without showing them; from a pipe the first line is taken. */

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { hashPassword } from "../dashboard/access/password.ts";
import { exitCode, UsageError } from "./failure.ts";
import { printLine } from "./terminal.ts";

const shortest = 8;

/** Rejects with a usage error where nobody can type, or nothing was. */
export async function askPassword(question: string): Promise<string> {
  const { isTTY } = process.stdin;
  let shown = true;
  // What is typed is written back by the terminal's echo, which goes through here.
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (shown) process.stderr.write(chunk);
      done();
    },
  });
  const terminal = createInterface({ input: process.stdin, output, terminal: isTTY });
  try {
    const ended = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
    const asked = terminal.question(isTTY ? question : "");
    shown = false;
    const password = await Promise.race([asked, ended]);
    if (isTTY) process.stderr.write("\n");
    if (password.length >= shortest) return password;
    throw new UsageError(`A password must have at least ${String(shortest)} characters.`);
  } finally {
    terminal.close();
  }
}

export async function printHash(): Promise<number> {
  printLine(await hashPassword(await askPassword("Password: ")));
  return exitCode.done;
}
