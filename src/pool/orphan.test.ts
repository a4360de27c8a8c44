import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { hasDeathSignal } from "./process-link.ts";

const script = fileURLToPath(new URL("fixtures/parent.ts", import.meta.url));

/** A zombie has ended; whoever inherited it has only not looked yet. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== "linux") return true;
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

/** Starts a worker that runs `tasks`, one in each of its two children; answers when both have begun. */
async function start(
  tasks: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ parent: ChildProcess; children: number[] }> {
  const parent = spawn(process.execPath, [script, ...tasks], { env, stdio: ["ignore", "pipe", "inherit"] });
  const children: number[] = [];
  onTestFinished(() => {
    parent.kill("SIGKILL");
    for (const pid of children) if (alive(pid)) process.kill(pid, "SIGKILL");
  });
  let began = 0;
  for await (const line of createInterface({ input: parent.stdout as NonNullable<ChildProcess["stdout"]> })) {
    const [word, ...rest] = line.split(" ");
    if (word === "children") children.push(...rest.map(Number));
    if (word === "began") began++;
    if (children.length === 2 && began === tasks.length) break;
  }
  return { parent, children };
}

/** Kills the worker and resolves when its children have ended; polled, for nobody tells of the end of another's. */
async function outlived(parent: ChildProcess, children: readonly number[]): Promise<void> {
  const gone = once(parent, "exit");
  parent.kill("SIGKILL");
  await gone;
  await expect.poll(() => children.filter(alive), { timeout: 60_000 }).toEqual([]);
}

describe("children of a killed worker", () => {
  it("end with it, also in a blocked loop", async () => {
    const { parent, children } = await start(["spin", "deaf"], process.env);
    await outlived(parent, children);
  });

  it("end with it where the kernel does not help", async () => {
    // Without a PATH there is no setpriv; what is left are the channel and the thread that watches the pipe.
    const env = { ...process.env, PATH: "/nowhere" };
    const { parent, children } = await start(["spin", "deaf"], env);
    await outlived(parent, children);
  });
});

it("leaves SIGINT and SIGTERM to the worker", async () => {
  const { parent, children } = await start(["deaf"], process.env);
  for (const pid of children) {
    process.kill(pid, "SIGTERM");
    process.kill(pid, "SIGINT");
  }
  // A signal has no answer; one that were heard would end the child within this time.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(children.filter(alive)).toHaveLength(2);
  await outlived(parent, children);
});

it.skipIf(process.platform !== "linux")("finds out what this machine can do", async () => {
  expect(typeof (await hasDeathSignal())).toBe("boolean");
});
