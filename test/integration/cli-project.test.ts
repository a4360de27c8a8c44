/** What the command line does for who begins: a project, a worker that follows what is edited, a shell that completes. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run, tool } from "../../scripts/process.ts";
import { celeriac } from "../server/command-line.ts";
import { describeWith } from "../server/required-program.ts";
import { UserFolder } from "../server/user-folder.ts";

test("celeriac init writes a project whose test passes and whose files compile", async () => {
  await using folder = await UserFolder.make(["@types/node", "undici-types"]);
  const made = await celeriac(["init", folder.path, "--json"]);
  expect(made.stderr).toBe("");
  const { files, next } = JSON.parse(made.stdout) as { files: string[]; next: string[] };
  expect(files).toEqual(["app.ts", "tasks.ts", "worker.ts", "tasks.test.ts", "compose.yaml"]);
  expect(next.at(-1)).toBe("node --test");
  const tested = await folder.run(process.execPath, ["--test"]);
  expect(tested.code, tested.text).toBe(0);
  expect(tested.text).toMatch(/pass 1\n/);
  const options = "--noEmit --strict --module nodenext --target es2024 --lib es2024,esnext --types node --skipLibCheck";
  const sources = files.filter((file) => file.endsWith(".ts"));
  const checked = await folder.run(tool("tsc"), [
    ...options.split(" "),
    "--allowImportingTsExtensions",
    "--erasableSyntaxOnly",
    ...sources,
  ]);
  expect(checked.text).toBe("");
});

test("celeriac init writes a manifest where none is, and over nothing that is there", async () => {
  await using folder = await UserFolder.make();
  await rm(join(folder.path, "package.json"));
  const target = join(folder.path, "My Shop!");
  const made = await celeriac(["init", target], { npm_config_user_agent: "pnpm/9.0.0 npm/? node/v24" });
  expect(made.stdout).toMatch(/wrote .*app\.ts\n[^]*Next:\n {2}cd .*My Shop!\n {2}pnpm install\n {2}pnpm run dev\n/);
  expect(JSON.parse(await readFile(join(target, "package.json"), "utf8"))).toMatchObject({
    name: "my-shop",
    type: "module",
    scripts: { dev: "celeriac dev -A ./app.ts" },
  });
  await writeFile(join(target, "app.ts"), "mine");
  await rm(join(target, "worker.ts"));
  const again = await celeriac(["init", target, "--json"]);
  expect(again.code).toBe(1);
  expect(JSON.parse(again.stderr)).toMatchObject({
    error: { code: "FILES_EXIST", details: { files: ["app.ts", "tasks.ts", "tasks.test.ts", "compose.yaml"] } },
  });
  expect(await readFile(join(target, "app.ts"), "utf8")).toBe("mine");
  expect(await readdir(target)).not.toContain("worker.ts");
  expect((await celeriac(["init", target, "--force"])).code).toBe(0);
  expect(await readFile(join(target, "app.ts"), "utf8")).toMatch(/name: "my-shop"/);
});

test("celeriac dev starts its worker anew when a file changes, and waits where it cannot be loaded", async () => {
  await using folder = await UserFolder.make();
  await celeriac(["init", folder.path]);
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [main, "dev", "-A", "./app.ts", "-c", "1", "--no-dashboard"], {
    cwd: folder.path,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", CELERIAC_BROKER: "sqlite:dev.db" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (more: string) => (text += more));
  child.stderr.setEncoding("utf8").on("data", (more: string) => (text += more));
  const closed = once(child, "close");
  /** How often it has said this. */
  const said = (words: RegExp): number => text.match(words)?.length ?? 0;
  try {
    const tasks = await readFile(join(folder.path, "tasks.ts"), "utf8");
    await expect.poll(() => said(/worker\.ready/g), { timeout: 60_000 }).toBe(1);
    await writeFile(join(folder.path, "tasks.ts"), `${tasks}\nthrow new Error("not like this");\n`);
    await expect
      .poll(() => text, { timeout: 60_000 })
      .toMatch(/tasks\.ts changed[^]*not like this[^]*waiting for a change/);
    expect(said(/worker\.stopped/g)).toBe(1);
    await writeFile(join(folder.path, "tasks.ts"), tasks);
    await expect.poll(() => said(/worker\.ready/g), { timeout: 60_000 }).toBe(2);
    child.kill("SIGINT");
    expect((await closed)[0], text).toBe(0);
    expect(said(/worker\.stopped/g)).toBe(2);
  } finally {
    child.kill("SIGKILL");
    await closed;
  }
}, 240_000);

describeWith("bash", "a shell", () => {
  test.each([
    ["celeriac wor", ["worker", "workers"]],
    ["celeriac dlq re", ["redrive"]],
    ["celeriac worker --pool ", ["process", "thread", "inline"]],
    ["celeriac -A x worker --conc", ["--concurrency"]],
    ["celeriac completion ", ["bash", "zsh", "fish", "-h", "--help"]],
    ["celeriac worker -A ./READ", ["./README.md"]],
    ["celeriac worker --lease ", []],
  ])("completes %j", async (line, expected) => {
    const script = `source <("$0" "$1" completion bash); complete -p celeriac; COMP_WORDS=($2 "$3"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _celeriac; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
    const [, before = "", word = ""] = /^(.*) (\S*)$/.exec(line) ?? [];
    const { text } = await run("bash", ["-c", script, process.execPath, main, before, word], { output: "keep" });
    const [declared, ...replies] = text.trimEnd().split("\n");
    expect(declared).toBe("complete -F _celeriac celeriac");
    expect(replies.filter((reply) => reply !== "")).toEqual(expected);
  });
});
